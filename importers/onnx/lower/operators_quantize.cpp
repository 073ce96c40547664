// QuantizeLinear, DequantizeLinear, and operators on integers that take scales and zero points as inputs.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/try.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

Status must_be_plain(const Node& node) {
  NARROW_ASSIGN(const std::int64_t block, int_or(node, "block_size", 0));
  if (block != 0)
    return unsupported(node, "quantization by blocks (block_size " + std::to_string(block) + ")",
                       "quantize the weights with one scale per tensor or channel, or export the network in float");
  return {};
}

Status dequantize_constant(Lowering& lowering, const Node& node, const Constant& constant) {
  const ElementType type = constant.tensor->type;
  const bool known = type == ElementType::kInt8 || type == ElementType::kUint8 || type == ElementType::kInt4 ||
                     type == ElementType::kUint4 || type == ElementType::kInt32;
  if (!known) {
    return unsupported(node,
                       "dequantizes a constant of " + std::string(element_type_name(type)) +
                           "; supported are integers of 4 and 8 bits, and int32 biases",
                       next_step::kFloat);
  }
  QuantizedConstant result;
  result.integers = constant.tensor;
  NARROW_ASSIGN(result.scales, lowering.names.floats(node, 1));
  if (Names::has_input(node, 2)) {
    NARROW_ASSIGN(const Constant zero, lowering.names.constant(node, 2));
    if (zero.tensor->type != type) {
      return malformed(node, "its zero point is " + std::string(element_type_name(zero.tensor->type)) +
                                 ", its integers are " + std::string(element_type_name(type)));
    }
    NARROW_ASSIGN(result.zero_points, lowering.names.ints(node, 2));
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
  return bind_quantized(lowering, node, std::move(result));
}

// Operators that take scales and zero points as inputs run as DequantizeLinear, the operator, QuantizeLinear.
enum class WeightAxis { kNone, kFirst, kLast, kOfGemm };

// Inputs are (tensor, scale, zero point) triples, unless a comment says otherwise.
struct Row {
  std::string_view op;
  std::string_view as;
  Handler handler;
  std::vector<std::size_t> operands;  // index of the first input of each triple
  std::size_t result;                 // index of the result's scale; its zero point follows
  std::size_t bias = 0;               // index of the int32 bias, at the scale of the products; 0: there is none
  WeightAxis weight_axis = WeightAxis::kNone;  // the dimension of the second operand that has a scale per index
};

const Row* find_row(const Node& node) {
  static const std::vector<Row> kRows = {
      {"QLinearConv", "Conv", lower_conv, {0, 3}, 6, 8, WeightAxis::kFirst},
      {"QLinearMatMul", "MatMul", lower_matmul, {0, 3}, 6, 0, WeightAxis::kLast},
      {"QGemm", "Gemm", lower_gemm, {0, 3}, 7, 6, WeightAxis::kOfGemm},
      {"QLinearAdd", "Add", lower_binary, {0, 3}, 6},
      {"QLinearMul", "Mul", lower_binary, {0, 3}, 6},
      {"QLinearGlobalAveragePool", "GlobalAveragePool", lower_global_pool, {0}, 3},
      {"QLinearAveragePool", "AveragePool", lower_average_pool, {0}, 3},
      {"QLinearLeakyRelu", "LeakyRelu", lower_function, {0}, 3},
      {"QLinearSigmoid", "Sigmoid", lower_function, {0}, 3},
      {"QLinearSoftmax", "Softmax", lower_softmax, {0}, 3},
      {"QLinearConcat", "Concat", lower_concat, {}, 0},
  };
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.op == node.op_type; });
  return row == kRows.end() ? nullptr : &*row;
}

// A name for a tensor between the operators. Its line break keeps it different from names of exporters.
std::string inner_name(const Node& node, const std::string& part) {
  return (node.outputs.empty() ? node.name : node.outputs[0]) + "\n" + part;
}

std::string input_name(const Node& node, std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : ""; }

Result<std::int64_t> weight_axis(const Lowering& lowering, const Node& node, const Row& row, std::size_t operand) {
  if (row.weight_axis == WeightAxis::kOfGemm) {
    NARROW_ASSIGN(const std::int64_t transposed, int_or(node, "transB", 0));
    return transposed != 0 ? 0 : 1;
  }
  const Constant* constant = lowering.names.constant_or_null(node, operand);
  if (row.weight_axis == WeightAxis::kLast && constant != nullptr && !constant->tensor->dims.empty()) {
    return static_cast<std::int64_t>(constant->tensor->dims.size()) - 1;
  }
  return 0;
}

// Binds the operand's real numbers to a new name and returns it.
Result<std::string> dequantized_operand(Lowering& lowering, const Node& node, const Row& row, std::size_t operand) {
  Node dequantize;
  dequantize.name = node.name + "/dequantize";
  dequantize.op_type = "DequantizeLinear";
  dequantize.inputs = {input_name(node, operand), input_name(node, operand + 1), input_name(node, operand + 2)};
  dequantize.outputs = {inner_name(node, std::to_string(operand))};
  if (row.weight_axis != WeightAxis::kNone) {
    NARROW_ASSIGN(const std::int64_t axis, weight_axis(lowering, node, row, operand));
    dequantize.attributes.push_back({"axis", axis});
  }
  NARROW_TRY(lower_dequantize(lowering, dequantize));
  return dequantize.outputs[0];
}

// Binds the int32 bias as real numbers and returns their name. They are rounded once, after the multiplication by the
// scales of the input and of each output's weights.
Result<std::string> real_bias(Lowering& lowering, const Node& node, const Row& row) {
  NARROW_ASSIGN(const Constant bias, lowering.names.constant(node, row.bias));
  if (bias.tensor->type != ElementType::kInt32) return malformed(node, "its bias is not int32");
  NARROW_ASSIGN(const std::vector<std::int64_t> integers, lowering.names.ints(node, row.bias));
  NARROW_ASSIGN(const Parameters input, parameters_of(lowering, node, row.operands[0] + 1));
  NARROW_ASSIGN(const std::vector<float> scales, lowering.names.floats(node, row.operands[1] + 1));
  NARROW_ASSIGN(const float alpha, float_or(node, "alpha", 1));
  if (scales.empty() || (scales.size() != 1 && scales.size() != integers.size())) {
    return malformed(
        node, std::to_string(scales.size()) + " weight scales for " + std::to_string(integers.size()) + " biases");
  }
  std::vector<float> values;
  values.reserve(integers.size());
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const double scale = double{input.quantization.scale} * double{scales[scales.size() == 1 ? 0 : i]};
    values.push_back(static_cast<float>(static_cast<double>(integers[i]) * (scale * double{alpha})));
  }
  std::string name = inner_name(node, "bias");
  lowering.names.bind(
      name, Constant{lowering.names.keep(Tensor{ElementType::kFloat32, bias.tensor->dims, std::move(values)})});
  return name;
}

// Transposes the tensor that is bound to a name.
Status transpose_bound(Lowering& lowering, const Node& node, const std::string& name, const std::vector<int>& order) {
  const Item* item = lowering.names.find(name);
  const Flow* flow = item == nullptr ? nullptr : std::get_if<Flow>(item);
  if (flow == nullptr || flow->view.rank() != 4)
    return unsupported(node, "channels_last of anything but an image", "export it without channels_last");
  lowering.names.bind(name, Flow{transposed(flow->view, order), flow->integers});
  return {};
}

bool is_int8(const Lowering& lowering, const std::string& name) {
  const Item* item = lowering.names.find(name);
  const Flow* flow = item == nullptr ? nullptr : std::get_if<Flow>(item);
  return flow != nullptr && flow->integers == ElementType::kInt8;
}

}  // namespace

Status lower_quantize(Lowering& lowering, const Node& node) {
  NARROW_TRY(must_be_plain(node));
  NARROW_ASSIGN(const View x, lowering.names.real(node, 0));
  NARROW_ASSIGN(Parameters parameters, parameters_of(lowering, node, 1));
  NARROW_ASSIGN(const std::int64_t type, int_or(node, "output_dtype", 0));
  if (type != 0 && type != number_of(ElementType::kUint8) && type != number_of(ElementType::kInt8)) {
    return unsupported(node, "output_dtype " + std::to_string(type) + "; supported are int8 and uint8",
                       next_step::kFloat);
  }
  if (type == number_of(ElementType::kInt8) && !Names::has_input(node, 2)) {
    parameters.integers = ElementType::kInt8;
    parameters.quantization.zero_point = shift_of(ElementType::kInt8);
  }
  NARROW_ASSIGN(Flow y, quantized(lowering, node, x, parameters));
  lowering.names.bind(node, std::move(y));
  return {};
}

Status lower_dequantize(Lowering& lowering, const Node& node) {
  NARROW_TRY(must_be_plain(node));
  if (lowering.names.constant_or_null(node, 0) != nullptr) {
    NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, 0));
    return dequantize_constant(lowering, node, constant);
  }
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(Parameters parameters, parameters_of(lowering, node, 1));
  if (x.integers == kDynamicIntegers && parameters.quantization == dynamic_parameters().quantization) {
    lowering.names.bind(node, Flow{x.view});
    return {};
  }
  if (!Names::has_input(node, 2) && x.integers == ElementType::kInt8) {
    parameters.integers = ElementType::kInt8;
    parameters.quantization.zero_point = shift_of(ElementType::kInt8);
  }
  NARROW_ASSIGN(View y, real_numbers(lowering, node, x, parameters));
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

Status lower_qlinear(Lowering& lowering, const Node& node) {
  const Row* row = find_row(node);
  if (row == nullptr) return node_error(node, ErrorCode::kInternal, "has no row");
  std::vector<std::size_t> operands = row->operands;
  if (operands.empty()) {
    for (std::size_t i = 2; i < node.inputs.size(); i += 3) operands.push_back(i);
  }

  Node real;
  real.name = node.name;
  real.op_type = row->as;
  real.attributes = node.attributes;
  real.outputs = {inner_name(node, "result")};
  for (const std::size_t operand : operands) {
    NARROW_ASSIGN(std::string name, dequantized_operand(lowering, node, *row, operand));
    real.inputs.push_back(std::move(name));
  }
  if (row->bias != 0 && Names::has_input(node, row->bias)) {
    NARROW_ASSIGN(std::string name, real_bias(lowering, node, *row));
    real.inputs.push_back(std::move(name));
  }
  NARROW_ASSIGN(const std::int64_t channels_last, int_or(node, "channels_last", 0));
  if (channels_last != 0) NARROW_TRY(transpose_bound(lowering, node, real.inputs[0], {0, 3, 1, 2}));
  NARROW_TRY(row->handler(lowering, real));
  if (channels_last != 0) NARROW_TRY(transpose_bound(lowering, node, real.outputs[0], {0, 2, 3, 1}));

  if (!Names::has_input(node, row->result)) {
    const Item* result = lowering.names.find(real.outputs[0]);
    if (result != nullptr) lowering.names.bind(node, Item(*result));
    return {};
  }
  Node quantize;
  quantize.name = node.name + "/quantize";
  quantize.op_type = "QuantizeLinear";
  quantize.inputs = {real.outputs[0], input_name(node, row->result), input_name(node, row->result + 1)};
  quantize.outputs = {node.outputs.empty() ? std::string() : node.outputs[0]};
  // Without a zero point the result has the type of the input.
  if (!operands.empty() && is_int8(lowering, input_name(node, operands[0]))) {
    quantize.attributes.push_back({"output_dtype", number_of(ElementType::kInt8)});
  }
  return lower_quantize(lowering, quantize);
}

}  // namespace narrow::onnx
