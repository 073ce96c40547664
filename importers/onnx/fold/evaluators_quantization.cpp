// QuantizeLinear and DequantizeLinear, per tensor and per channel.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx::evaluation {
namespace {

// Scale and zero point of each element: one of each for all, or one per index of the axis.
struct Parameters {
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;
  Dims strides;  // into scales, for each dimension of the input
};

Result<Parameters> parameters_of(const Call& call, const Tensor& input) {
  NARROW_ASSIGN(const Tensor* scale, call.required(1));
  const Tensor* zero_point = call.optional(2);
  NARROW_ASSIGN(const std::int64_t block, call.int_or("block_size", 0));
  if (block != 0) return call.unsupported("scales per block are not supported");
  if (!scale->is_float()) return call.malformed("its scale is not of a floating type");
  if (zero_point != nullptr && (zero_point->is_float() || zero_point->elems() != scale->elems())) {
    return call.malformed("its zero points are not one integer per scale");
  }
  Parameters parameters;
  parameters.scales = scale->to_floats();
  for (const float value : parameters.scales) {
    if (!std::isfinite(value) || value <= 0) return call.malformed("a scale is not a positive number");
  }
  parameters.zero_points =
      zero_point != nullptr ? zero_point->to_ints() : std::vector<std::int64_t>(parameters.scales.size(), 0);
  parameters.strides.assign(input.dims.size(), 0);
  if (scale->elems() == 1) return parameters;  // a scalar, or [1] as some exporters write it
  NARROW_ASSIGN(const std::int64_t signed_axis, call.int_or("axis", 1));
  if (call.opset < 13) return call.malformed("scales per axis came with opset 13");
  NARROW_ASSIGN(const std::size_t axis, call.axis(signed_axis, input.dims.size()));
  if (scale->dims.size() != 1 || scale->dims[0] != input.dims[axis]) {
    return call.malformed("its scales are not one per index of the axis");
  }
  parameters.strides[axis] = 1;
  return parameters;
}

// The type of the integers: that of the zero point, or that of the node's attribute, or uint8.
Result<ElementType> code_type(const Call& call) {
  ElementType type = ElementType::kUint8;
  NARROW_ASSIGN(const std::int64_t given, call.int_or("output_dtype", 0));
  if (given != 0) type = element_type(given);
  if (const Tensor* zero_point = call.optional(2); zero_point != nullptr) type = zero_point->type;
  if (type != ElementType::kUint8 && type != ElementType::kInt8 && type != ElementType::kUint16 &&
      type != ElementType::kInt16) {
    return call.unsupported("only 8 and 16 bits are quantized to");
  }
  return type;
}

Outputs quantize(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const ElementType type, code_type(call));
  NARROW_ASSIGN(const Parameters parameters, parameters_of(call, *input));
  const bool is_signed = type == ElementType::kInt8 || type == ElementType::kInt16;
  const bool is_wide = type == ElementType::kInt16 || type == ElementType::kUint16;
  const float lowest = is_signed ? (is_wide ? -32768.0F : -128.0F) : 0.0F;
  const float highest = lowest + (is_wide ? 65535.0F : 255.0F);
  NARROW_TRY(call.count(input->dims, ElementType::kInt64));
  const std::vector<float> values = input->to_floats();
  std::vector<std::int64_t> codes;
  codes.reserve(values.size());
  bool numbers = true;
  walk(input->dims, strides_of(input->dims), parameters.strides, [&](std::size_t i, std::size_t p) {
    numbers = numbers && !std::isnan(values[i]);
    // Rounds half to even. The sum is exact unless it is out of range anyway.
    const float code = std::nearbyint(values[i] / parameters.scales[p]) + static_cast<float>(parameters.zero_points[p]);
    codes.push_back(numbers ? static_cast<std::int64_t>(std::clamp(code, lowest, highest)) : 0);
  });
  if (!numbers) return call.malformed("it quantizes something that is not a number");
  NARROW_ASSIGN(Tensor result, int_tensor(call, type, input->dims, codes));
  return single(std::move(result));
}

Outputs dequantize(const Call& call) {
  NARROW_ASSIGN(const Tensor* input, call.required(0));
  NARROW_ASSIGN(const Parameters parameters, parameters_of(call, *input));
  if (input->is_float() || input->type == ElementType::kBool) return call.malformed("its input is not of integers");
  NARROW_TRY(call.count(input->dims, ElementType::kFloat32));
  const std::vector<std::int64_t> codes = input->to_ints();
  std::vector<float> values;
  values.reserve(codes.size());
  bool overflows = false;
  walk(input->dims, strides_of(input->dims), parameters.strides, [&](std::size_t i, std::size_t p) {
    const auto difference = (base::Checked(codes[i]) - parameters.zero_points[p]).value();
    overflows = overflows || !difference;
    values.push_back(static_cast<float>(difference.value_or(0)) * parameters.scales[p]);
  });
  if (overflows) return call.malformed("its result overflows");
  NARROW_ASSIGN(const Tensor* scale, call.required(1));
  return single(float_tensor(scale->type, input->dims, std::move(values)));
}

constexpr EvaluatorRow kQuantizationRows[] = {
    {"QuantizeLinear", quantize},
    {"DequantizeLinear", dequantize},
};

}  // namespace

std::span<const EvaluatorRow> quantization_evaluators() { return kQuantizationRows; }

}  // namespace narrow::onnx::evaluation
