#include <string>
#include <utility>

#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

Status must_be_plain(const Node& node) {
  NARROW_ASSIGN(const std::int64_t block, int_or(node, "block_size", 0));
  if (block != 0) return unsupported(node, "quantization by blocks (block_size " + std::to_string(block) + ")");
  return {};
}

// scale * (code - zero point), in double and rounded once.
Tensor real_numbers_of(const QuantizedConstant& constant) {
  const std::vector<std::int64_t> codes = constant.codes->to_ints();
  const std::vector<std::int64_t>& dims = constant.codes->dims;
  std::size_t inner = 1;  // elements from one index along the axis to the next
  for (std::size_t i = static_cast<std::size_t>(constant.axis) + 1; i < dims.size(); ++i) {
    inner *= static_cast<std::size_t>(dims[i]);
  }
  std::vector<float> values;
  values.reserve(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::size_t channel = i / inner % constant.scales.size();
    values.push_back(static_cast<float>(static_cast<double>(codes[i] - constant.zero_points[channel]) *
                                        double{constant.scales[channel]}));
  }
  return {ElementType::kFloat32, dims, std::move(values)};
}

Status dequantize_constant(Lowering& lowering, const Node& node, const Constant& constant) {
  const ElementType type = constant.tensor->type;
  if (type != ElementType::kInt8 && type != ElementType::kUint8 && type != ElementType::kInt32) {
    return unsupported(node, "dequantizes a constant of " + std::string(element_type_name(type)));
  }
  QuantizedConstant result;
  result.codes = constant.tensor;
  NARROW_ASSIGN(result.scales, lowering.floats(node, 1));
  if (Lowering::has_input(node, 2)) {
    NARROW_ASSIGN(const Constant zero, lowering.constant(node, 2));
    if (zero.tensor->type != type) {
      return malformed(node, "its zero point is " + std::string(element_type_name(zero.tensor->type)) +
                                 ", its integers are " + std::string(element_type_name(type)));
    }
    NARROW_ASSIGN(result.zero_points, lowering.ints(node, 2));
  } else {
    result.zero_points.assign(result.scales.size(), 0);
  }
  const auto rank = static_cast<int>(constant.tensor->dims.size());
  std::int64_t channels = 1;
  if (result.scales.size() != 1) {
    NARROW_ASSIGN(const std::int64_t axis, int_or(node, "axis", 1));
    NARROW_ASSIGN(result.axis, axis_of(node, axis, rank));
    channels = constant.tensor->dims[static_cast<std::size_t>(result.axis)];
  }
  if (static_cast<std::int64_t>(result.scales.size()) != channels ||
      result.zero_points.size() != result.scales.size()) {
    return malformed(node, std::to_string(result.scales.size()) + " scales and " +
                               std::to_string(result.zero_points.size()) + " zero points for a constant " +
                               dims_text(constant.tensor->dims));
  }
  const Tensor* real = lowering.keep(real_numbers_of(result));
  lowering.bind(node, Constant{real, lowering.keep(std::move(result))});
  return {};
}

}  // namespace

Status lower_quantize(Lowering& lowering, const Node& node) {
  NARROW_TRY(must_be_plain(node));
  NARROW_ASSIGN(const View x, lowering.real(node, 0));
  NARROW_ASSIGN(Parameters parameters, parameters_of(lowering, node, 1));
  NARROW_ASSIGN(const std::int64_t type, int_or(node, "output_dtype", 0));
  constexpr std::int64_t kUint8Code = 2;  // TensorProto.DataType
  constexpr std::int64_t kInt8Code = 3;
  if (type != 0 && type != kUint8Code && type != kInt8Code) {
    return unsupported(node, "output_dtype " + std::to_string(type) + "; supported are int8 and uint8");
  }
  if (type == kInt8Code && !Lowering::has_input(node, 2)) {
    parameters.integers = ElementType::kInt8;
    parameters.quantization.zero_point = shift_of(ElementType::kInt8);
  }
  NARROW_ASSIGN(Flow y, quantized(lowering, node, x, parameters));
  lowering.bind(node, std::move(y));
  return {};
}

Status lower_dequantize(Lowering& lowering, const Node& node) {
  NARROW_TRY(must_be_plain(node));
  if (lowering.constant_or_null(node, 0) != nullptr) {
    NARROW_ASSIGN(const Constant constant, lowering.constant(node, 0));
    return dequantize_constant(lowering, node, constant);
  }
  NARROW_ASSIGN(const Flow x, lowering.flow(node, 0));
  NARROW_ASSIGN(Parameters parameters, parameters_of(lowering, node, 1));
  if (!Lowering::has_input(node, 2) && x.integers == ElementType::kInt8) {
    parameters.integers = ElementType::kInt8;
    parameters.quantization.zero_point = shift_of(ElementType::kInt8);
  }
  NARROW_ASSIGN(View y, real_numbers(lowering, node, x, parameters));
  lowering.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
