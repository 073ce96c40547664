// Quantization that is written in other ways than QuantizeLinear and DequantizeLinear: Quant of QONNX and Brevitas, and
// dynamic quantization as ONNX Runtime's quantize_dynamic writes it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

constexpr int kMostBits = 8;

Node inner_node(const Node& node, std::string op_type, std::vector<std::string> inputs, std::string output) {
  return {node.name, std::move(op_type), "", std::move(inputs), {std::move(output)}, {}};
}

// A name for a tensor between the operators that a node consists of. Its line break keeps it different from names of
// exporters.
std::string inner_name(const Node& node, const char* part) {
  return (node.outputs.empty() ? node.name : node.outputs[0]) + "\n" + part;
}

std::string bind_number(Lowering& lowering, const Node& node, const char* part, std::vector<float> values) {
  std::vector<std::int64_t> dims;
  if (values.size() != 1) dims = {static_cast<std::int64_t>(values.size())};
  std::string name = inner_name(node, part);
  lowering.names.bind(name,
                      Constant{lowering.names.keep(Tensor{ElementType::kFloat32, std::move(dims), std::move(values)})});
  return name;
}

// What a Quant states besides its scale: real = scale * (integer - zero_point), integer in lo..hi.
struct QuantArguments {
  bool is_signed = true;
  int lo = 0;
  int hi = 0;
  bool is_bipolar = false;  // 1 bit with a sign: -1 and 1, by the sign of x / scale + zero_point
  std::string rounding;
};

Result<QuantArguments> quant_arguments(const Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const std::int64_t is_signed, int_or(node, "signed", 1));
  NARROW_ASSIGN(const std::int64_t narrow, int_or(node, "narrow", 0));
  QuantArguments result;
  NARROW_ASSIGN(result.rounding, string_or(node, "rounding_mode", "ROUND"));
  NARROW_ASSIGN(const std::vector<float> bits, lowering.names.floats(node, 3));
  if (bits.size() != 1) return unsupported(node, "bits that differ by channel", next_step::kFloat);
  if (!(bits[0] >= 1 && bits[0] <= kMostBits) || bits[0] != std::floor(bits[0])) {
    return unsupported(node, "integers of " + base::number_text(bits[0]) + " bits; supported are 1 to 8",
                       "train it with fewer bits, or export it in float");
  }
  const int levels = 1 << static_cast<int>(bits[0]);
  result.is_signed = is_signed != 0;
  result.lo = result.is_signed ? -levels / 2 : 0;
  result.hi = result.lo + levels - 1;
  result.is_bipolar = levels == 2 && result.is_signed;
  if (result.is_bipolar) {
    result.lo = -1;
    result.hi = 1;
    return result;
  }
  if (levels == 2 && narrow != 0)
    return unsupported(node, "integers of 1 bit and a narrow range, which are all 0", next_step::kFloat);
  // A narrow range is symmetric, or leaves out the largest integer.
  if (narrow != 0 && result.is_signed) ++result.lo;
  if (narrow != 0 && !result.is_signed) --result.hi;
  return result;
}

Result<float> rounded(const Node& node, const std::string& mode, float value) {
  if (mode == "ROUND" || mode == "HALF_EVEN") return std::nearbyint(value);
  if (mode == "FLOOR") return std::floor(value);
  if (mode == "CEIL") return std::ceil(value);
  if (mode == "ROUND_TO_ZERO" || mode == "DOWN") return std::trunc(value);
  return unsupported(node, "the rounding_mode '" + mode + "'", next_step::kFloat);
}

// The dimension of a constant along which a scale or zero point differs, by numpy's rules of broadcasting. 0 if it does
// not differ.
Result<int> parameter_axis(const Node& node, const Tensor& parameter, const Tensor& constant) {
  const std::vector<std::int64_t>& dims = parameter.dims;
  int axis = -1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    const auto at = static_cast<std::ptrdiff_t>(constant.dims.size()) - static_cast<std::ptrdiff_t>(dims.size() - i);
    if (axis >= 0 || at < 0 || constant.dims[static_cast<std::size_t>(at)] != dims[i]) {
      return unsupported(node, "scales that differ along several dimensions", next_step::kFloat);
    }
    axis = static_cast<int>(at);
  }
  return std::max(axis, 0);
}

Status quantize_constant(Lowering& lowering, const Node& node, const QuantArguments& arguments) {
  NARROW_ASSIGN(const Constant x, lowering.names.constant(node, 0));
  NARROW_ASSIGN(const Constant scale, lowering.names.constant(node, 1));
  QuantizedConstant result;
  NARROW_ASSIGN(result.axis, parameter_axis(node, *scale.tensor, *x.tensor));
  NARROW_ASSIGN(result.scales, lowering.names.floats(node, 1));
  NARROW_ASSIGN(std::vector<float> zeros, lowering.names.floats(node, 2));
  if (zeros.size() == 1) zeros.resize(result.scales.size(), zeros[0]);
  if (result.scales.empty() || zeros.size() != result.scales.size()) {
    return unsupported(node, "zero points of another shape than the scales", next_step::kFloat);
  }
  for (const float zero : zeros) {
    if (zero != std::floor(zero) || std::abs(zero) > 255)
      return unsupported(node, "a zero point that is no integer", next_step::kFloat);
    result.zero_points.push_back(static_cast<std::int64_t>(zero));
  }
  const std::int64_t elems = x.tensor->elems();
  Status spent = lowering.budget.spend_time(4 * elems);
  if (spent.ok()) spent = lowering.budget.check_space(elems * held_bytes(ElementType::kInt64));
  if (!spent.ok()) return node_error(node, spent.error().code, spent.error().message);
  lowering.budget.keep(elems);
  std::size_t inner = 1;
  for (std::size_t i = static_cast<std::size_t>(result.axis) + 1; i < x.tensor->dims.size(); ++i) {
    inner *= static_cast<std::size_t>(x.tensor->dims[i]);
  }
  const std::vector<float> values = x.tensor->to_floats();
  std::vector<std::int8_t> small;
  std::vector<std::uint8_t> positive;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = result.scales.size() == 1 ? 0 : i / inner % result.scales.size();
    const float steps = values[i] / result.scales[channel] + zeros[channel];
    NARROW_ASSIGN(float integer, rounded(node, arguments.rounding, steps));
    if (arguments.is_bipolar && !std::isnan(integer)) integer = steps >= 0 ? 1.0F : -1.0F;
    if (std::isnan(integer)) return malformed(node, "quantizes something that is not a number");
    const auto clamped =
        static_cast<int>(std::clamp(integer, static_cast<float>(arguments.lo), static_cast<float>(arguments.hi)));
    if (arguments.is_signed) {
      small.push_back(static_cast<std::int8_t>(clamped));
    } else {
      positive.push_back(static_cast<std::uint8_t>(clamped));
    }
  }
  Tensor integers{arguments.is_signed ? ElementType::kInt8 : ElementType::kUint8, x.tensor->dims, {}};
  if (arguments.is_signed) {
    integers.data = std::move(small);
  } else {
    integers.data = std::move(positive);
  }
  result.integers = lowering.names.keep(std::move(integers));
  return bind_quantized(lowering, node, std::move(result));
}

// -scale or scale, by the sign of x: 2 * scale * (x >= 0) - scale.
Status signs_of(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const std::vector<float> scales, lowering.names.floats(node, 1));
  if (scales.size() != 1 || !(scales[0] > 0) || !std::isfinite(scales[0])) {
    return unsupported(node, "a computed tensor of 1 bit with other than one scale above 0", next_step::kFloat);
  }
  const std::string zero = bind_number(lowering, node, "zero", {0});
  const std::string twice = bind_number(lowering, node, "twice", {2 * scales[0]});
  const std::string once = bind_number(lowering, node, "once", {scales[0]});
  const std::string positive = inner_name(node, "positive");
  const std::string scaled = inner_name(node, "scaled");
  NARROW_TRY(lower_comparison(lowering, inner_node(node, "GreaterOrEqual", {node.inputs[0], zero}, positive)));
  NARROW_TRY(lower_binary(lowering, inner_node(node, "Mul", {positive, twice}, scaled)));
  return lower_binary(lowering, inner_node(node, "Sub", {scaled, once}, node.outputs[0]));
}

// How a product with constant integers names its inputs; 0: there is none.
struct ProductInputs {
  std::size_t matrix = 1;
  std::size_t scale = 2;
  std::size_t zero = 3;
  std::size_t bias = 4;
};

// x times the real numbers of a constant matrix, plus the bias.
Status dequantized_product(Lowering& lowering, const Node& node, const std::string& x, const ProductInputs& at) {
  const auto input = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : std::string(); };
  NARROW_ASSIGN(const Constant matrix, lowering.names.constant(node, at.matrix));
  const std::string real = inner_name(node, "matrix");
  Node dequantize = inner_node(node, "DequantizeLinear", {input(at.matrix), input(at.scale), input(at.zero)}, real);
  const auto rank = static_cast<std::int64_t>(matrix.tensor->dims.size());
  dequantize.attributes.push_back({"axis", std::max<std::int64_t>(rank - 1, 0)});
  NARROW_TRY(lower_dequantize(lowering, dequantize));
  const bool has_bias = Names::has_input(node, at.bias);
  const std::string product = has_bias ? inner_name(node, "product") : node.outputs[0];
  NARROW_TRY(lower_matmul(lowering, inner_node(node, "MatMul", {x, real}, product)));
  if (!has_bias) return {};
  return lower_binary(lowering, inner_node(node, "Add", {product, input(at.bias)}, node.outputs[0]));
}

constexpr const char* kDynamicLayers =
    "with dynamic quantization: weights are taken as they are, activations are float until they are calibrated";

}  // namespace

Status lower_quant(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const QuantArguments arguments, quant_arguments(lowering, node));
  if (lowering.names.constant_or_null(node, 0) != nullptr) return quantize_constant(lowering, node, arguments);
  if (arguments.is_bipolar) {
    NARROW_ASSIGN(const std::vector<float> zeros, lowering.names.floats(node, 2));
    if (zeros != std::vector<float>{0.0F})
      return unsupported(node, "integers of 1 bit with a zero point", next_step::kFloat);
    return signs_of(lowering, node);
  }
  if (arguments.rounding != "ROUND" && arguments.rounding != "HALF_EVEN") {
    return unsupported(node, "the rounding_mode '" + arguments.rounding + "' of a computed tensor; supported is ROUND",
                       next_step::kFloat);
  }
  Node scale_only = node;
  scale_only.inputs.resize(2);
  NARROW_ASSIGN(Parameters parameters, parameters_of(lowering, scale_only, 1));
  NARROW_ASSIGN(const std::vector<float> zeros, lowering.names.floats(node, 2));
  if (zeros.size() != 1) return unsupported(node, "a computed tensor with several zero points", next_step::kFloat);
  const bool whole = zeros[0] >= static_cast<float>(arguments.lo) && zeros[0] <= static_cast<float>(arguments.hi) &&
                     zeros[0] == std::floor(zeros[0]);
  if (!whole) return unsupported(node, "a zero point that is none of its integers", next_step::kFloat);
  parameters.integers = arguments.is_signed ? ElementType::kInt8 : ElementType::kUint8;
  const std::int32_t shift = shift_of(parameters.integers);
  parameters.quantization.zero_point = static_cast<std::int32_t>(zeros[0]) + shift;
  parameters.quantization.range = {arguments.lo + shift, arguments.hi + shift};
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(const Flow integers, quantized(lowering, node, x, parameters));
  NARROW_ASSIGN(View y, dequantized(lowering, node, integers));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Status lower_bipolar_quant(Lowering& lowering, const Node& node) {
  if (lowering.names.constant_or_null(node, 0) == nullptr) return signs_of(lowering, node);
  NARROW_ASSIGN(const Constant x, lowering.names.constant(node, 0));
  NARROW_ASSIGN(const Constant scale, lowering.names.constant(node, 1));
  QuantizedConstant result;
  NARROW_ASSIGN(result.axis, parameter_axis(node, *scale.tensor, *x.tensor));
  NARROW_ASSIGN(result.scales, lowering.names.floats(node, 1));
  result.zero_points.assign(result.scales.size(), 0);
  Status spent = lowering.budget.spend_time(2 * x.tensor->elems());
  if (spent.ok()) spent = lowering.budget.check_space(x.tensor->elems());
  if (!spent.ok()) return node_error(node, spent.error().code, spent.error().message);
  lowering.budget.keep(x.tensor->elems());
  std::vector<std::int8_t> signs;
  for (const float value : x.tensor->to_floats()) signs.push_back(value >= 0 ? 1 : -1);
  result.integers = lowering.names.keep(Tensor{ElementType::kInt8, x.tensor->dims, std::move(signs)});
  return bind_quantized(lowering, node, std::move(result));
}

Status lower_dynamic_quantize(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(View x, lowering.names.real(node, 0));
  // Scale 1 and zero point 0 make the arithmetic that follows a layer that of the weights alone.
  const Parameters parameters = dynamic_parameters();
  Tensor scale{ElementType::kFloat32, {}, std::vector<float>{parameters.quantization.scale}};
  Tensor zero{ElementType::kUint8, {}, std::vector<std::uint8_t>{0}};
  lowering.names.bind(node, Flow{std::move(x), kDynamicIntegers}, 0);
  lowering.names.bind(node, Constant{lowering.names.keep(std::move(scale))}, 1);
  lowering.names.bind(node, Constant{lowering.names.keep(std::move(zero))}, 2);
  return {};
}

Status lower_integer_layer(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  if (x.integers != kDynamicIntegers) {
    return unsupported(node,
                       "works on integers that DynamicQuantizeLinear did not make; it is read as part of "
                       "dynamic quantization, whose scales are computed for each image",
                       next_step::kStatic);
  }
  const bool convolution = node.op_type == "ConvInteger";
  NARROW_ASSIGN(const Constant weights, lowering.names.constant(node, 1));
  // The weights at scale 1: their scale is multiplied to the result, and from there into the weights.
  const std::string name = (node.outputs.empty() ? node.name : node.outputs[0]) + "\n";
  Node dequantize;
  dequantize.name = node.name + "/dequantize";
  dequantize.op_type = "DequantizeLinear";
  dequantize.inputs = {node.inputs[1], name + "ones"};
  dequantize.outputs = {name + "weights"};
  std::size_t scales = 1;
  if (Names::has_input(node, 3)) {
    NARROW_ASSIGN(const Constant zero, lowering.names.constant(node, 3));
    scales = static_cast<std::size_t>(zero.tensor->elems());
    dequantize.inputs.push_back(node.inputs[3]);
  }
  const auto rank = static_cast<std::int64_t>(weights.tensor->dims.size());
  dequantize.attributes.push_back({"axis", convolution ? std::int64_t{0} : std::max<std::int64_t>(rank - 1, 0)});
  Tensor ones{ElementType::kFloat32, {static_cast<std::int64_t>(scales)}, std::vector<float>(scales, 1.0F)};
  lowering.names.bind(dequantize.inputs[1], Constant{lowering.names.keep(std::move(ones))});
  NARROW_TRY(lower_dequantize(lowering, dequantize));

  Node layer;
  layer.name = node.name;
  layer.op_type = convolution ? "Conv" : "MatMul";
  layer.attributes = node.attributes;
  layer.inputs = {name + "input", dequantize.outputs[0]};
  layer.outputs = node.outputs;
  lowering.names.bind(layer.inputs[0], Flow{x.view});
  lowering.log.add_layer(kDynamicLayers);
  return convolution ? lower_conv(lowering, layer) : lower_matmul(lowering, layer);
}

Status lower_dynamic_matmul(Lowering& lowering, const Node& node) {
  lowering.log.add_layer(kDynamicLayers);
  return dequantized_product(lowering, node, node.inputs[0], {});
}

Status lower_matmul_to_float(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  if (x.integers == kDynamicIntegers) lowering.log.add_layer(kDynamicLayers);
  const std::string real = inner_name(node, "input");
  std::vector<std::string> integers{node.inputs[0], node.inputs[2]};
  if (Names::has_input(node, 4)) integers.push_back(node.inputs[4]);
  NARROW_TRY(lower_dequantize(lowering, inner_node(node, "DequantizeLinear", std::move(integers), real)));
  return dequantized_product(lowering, node, real, {.matrix = 1, .scale = 3, .zero = 5, .bias = 6});
}

Status lower_trunc(Lowering& /*lowering*/, const Node& node) {
  return unsupported(
      node, "drops the low bits of integers, as Brevitas's TruncAvgPool2d does",
      "use AvgPool2d and a Quant (QuantIdentity) after it, or export the network without quantization and use "
      "`narrow quantize`");
}

}  // namespace narrow::onnx
