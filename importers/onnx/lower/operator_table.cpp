#include "importers/onnx/lower/operator_table.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "importers/onnx/lower/lower_model.h"

namespace narrow::onnx {
namespace {

constexpr std::string_view kInteger = "integer";
constexpr std::string_view kTable = "table of 256 entries";
constexpr std::string_view kFloat = "float";
constexpr std::string_view kMoves = "moves data";
constexpr std::string_view kView = "costs nothing";
constexpr std::string_view kAffine = "folded into layers, or integer";
constexpr std::string_view kFolded = "folded";
constexpr std::string_view kPreQuantized = "quantization is kept";

constexpr std::string_view kConstantsOnly = "constant inputs only";
constexpr std::string_view kImages = "[N, C, H, W] or [N, C, L]";

constexpr std::string_view kQuantLimits =
    "1 to 8 bits; one scale, except for constants; computed tensors round half to even";
constexpr std::string_view kBipolarLimits = "one scale, except for constants";
constexpr std::string_view kRefused = "refused";
constexpr std::string_view kTruncLimits = "use an average pool and a Quant after it";
constexpr std::string_view kDynamic = "weights are kept, activations are float";

constexpr int kAnyNumber = std::numeric_limits<int>::max();

// Names of trailing inputs and outputs may be empty: there is none.
std::size_t count_without_trailing(const std::vector<std::string>& names) {
  std::size_t count = names.size();
  while (count > 0 && names[count - 1].empty()) --count;
  return count;
}

constexpr OperatorRow kRows[] = {
    {"Abs", lower_function, "x", 1, kTable, ""},
    {"Acos", lower_function, "x", 1, kTable, ""},
    {"Acosh", lower_function, "x", 1, kTable, ""},
    {"Add", lower_binary, "xx", 1, kInteger, ""},
    {"And", lower_logic, "xx", 1, kInteger, ""},
    {"Asin", lower_function, "x", 1, kTable, ""},
    {"Asinh", lower_function, "x", 1, kTable, ""},
    {"Atan", lower_function, "x", 1, kTable, ""},
    {"Atanh", lower_function, "x", 1, kTable, ""},
    {"AveragePool", lower_average_pool, "x", 1, kInteger, "[N, C, H, W] or [N, C, L]"},
    {"BatchNormalization", lower_batch_norm, "xxxxx", 5, kAffine, "inference only"},
    {"Cast", lower_cast, "x", 1, kView, "to floating types and bool; to integers where a Cast to real numbers follows"},
    {"CastLike", lower_cast, "xx", 1, kView, "as Cast"},
    {"Ceil", lower_function, "x", 1, kTable, ""},
    {"Celu", lower_function, "x", 1, kTable, ""},
    {"Clip", lower_clip, "xoo", 1, kInteger, "constant bounds"},
    {"Concat", lower_concat, "x*", 1, kInteger, "constants beside computed inputs: real numbers"},
    {"Conv", lower_conv, "xxo", 1, kInteger, "[N, C, H, W] or [N, C, L]; constant weights"},
    {"ConvInteger", lower_integer_layer, "xxoo", 1, kDynamic, "input of DynamicQuantizeLinear; constant weights"},
    {"ConvTranspose", lower_conv_transpose, "xxo", 1, kInteger,
     "as Conv; a convolution and a rearrangement of its outputs"},
    {"Cos", lower_function, "x", 1, kTable, ""},
    {"Cosh", lower_function, "x", 1, kTable, ""},
    {"DepthToSpace", lower_depth_to_space, "x", 1, kMoves, ""},
    {"DequantizeLinear", lower_dequantize, "xxo", 1, kPreQuantized,
     "integers of 4 and 8 bits; per channel for constants only; no blocks"},
    {"Div", lower_binary, "xx", 1, kAffine, "by a computed tensor: a table and an integer product"},
    {"Dropout", lower_identity, "xoo", 2, kView, "inference only; no mask"},
    {"DynamicQuantizeLinear", lower_dynamic_quantize, "x", 3, kDynamic, "before ConvInteger and MatMulInteger"},
    {"Einsum", lower_einsum, "x*", 1, kInteger,
     "one operand; two: products of elements, or contracted with a constant"},
    {"Elu", lower_function, "x", 1, kTable, ""},
    {"Equal", lower_comparison, "xx", 1, kInteger, ""},
    {"Erf", lower_function, "x", 1, kTable, "x * (1 + Erf(x / sqrt(2))) / 2 is one function, Gelu"},
    {"Exp", lower_function, "x", 1, kTable, ""},
    {"Expand", lower_expand, "xx", 1, kMoves, "constant shape"},
    {"Flatten", lower_flatten, "x", 1, kView, ""},
    {"Floor", lower_function, "x", 1, kTable, ""},
    {"Gather", lower_gather, "xx", 1, kMoves, "constant indices"},
    {"Gelu", lower_function, "x", 1, kTable, ""},
    {"Gemm", lower_gemm, "xxo", 1, kInteger, "constant right side and bias"},
    {"GlobalAveragePool", lower_global_pool, "x", 1, kInteger, ""},
    {"GlobalLpPool", lower_lp_pool, "x", 1, kTable, "tables around an integer sum"},
    {"GlobalMaxPool", lower_global_pool, "x", 1, kInteger, ""},
    {"Greater", lower_comparison, "xx", 1, kInteger, ""},
    {"GreaterOrEqual", lower_comparison, "xx", 1, kInteger, ""},
    {"GroupNormalization", lower_group_norm, "xxx", 1, kFloat, "constant scale and bias"},
    {"HardSigmoid", lower_function, "x", 1, kTable, ""},
    {"HardSwish", lower_function, "x", 1, kTable, ""},
    {"Identity", lower_identity, "x", 1, kView, ""},
    {"If", lower_if, "x", kAnyNumber, kView, "a condition that does not depend on the image"},
    {"InstanceNormalization", lower_instance_norm, "xxx", 1, kFloat, "constant scale and bias"},
    {"LRN", lower_lrn, "x", 1, kFloat, ""},
    {"LayerNormalization", lower_layer_norm, "xxo", 3, kFloat, "constant scale and bias; one output"},
    {"LeakyRelu", lower_function, "x", 1, kTable, ""},
    {"Less", lower_comparison, "xx", 1, kInteger, ""},
    {"LessOrEqual", lower_comparison, "xx", 1, kInteger, ""},
    {"Log", lower_function, "x", 1, kTable, ""},
    {"LogSoftmax", lower_softmax, "x", 1, kFloat, ""},
    {"LpNormalization", lower_lp_normalization, "x", 1, kInteger, "a table and an integer product"},
    {"LpPool", lower_lp_pool, "x", 1, kTable, "tables around an integer sum"},
    {"MatMul", lower_matmul, "xx", 1, kInteger, "one side a constant matrix, or [B, in, out]"},
    {"MatMulInteger", lower_integer_layer, "xxoo", 1, kDynamic, "input of DynamicQuantizeLinear; constant weights"},
    {"Max", lower_extreme, "x*", 1, kInteger, ""},
    {"MaxPool", lower_max_pool, "x", 2, kInteger, "[N, C, H, W] or [N, C, L]; no indices"},
    {"Mean", lower_sum, "x*", 1, kInteger, ""},
    {"MeanVarianceNormalization", lower_instance_norm, "x", 1, kFloat, ""},
    {"Min", lower_extreme, "x*", 1, kInteger, ""},
    {"Mish", lower_function, "x", 1, kTable, ""},
    {"Mod", lower_mod, "xx", 1, kInteger, "finite constants"},
    {"Mul", lower_binary, "xx", 1, kInteger, ""},
    {"Neg", lower_neg, "x", 1, kAffine, ""},
    {"Not", lower_logic, "x", 1, kInteger, ""},
    {"Or", lower_logic, "xx", 1, kInteger, ""},
    {"PRelu", lower_prelu, "xx", 1, kTable, "constant slopes"},
    {"Pad", lower_pad, "xooo", 1, kMoves, "with a finite constant, or reflect, edge and wrap"},
    {"Pow", lower_pow, "xx", 1, kTable, "a constant number as exponent, or as base"},
    {"QLinearConv", lower_qlinear, "xxoxxoxoo", 1, kInteger, kImages},
    {"QLinearMatMul", lower_qlinear, "xxoxxoxo", 1, kInteger, "one side a constant matrix, or [B, in, out]"},
    {"QuantizeLinear", lower_quantize, "xxo", 1, kPreQuantized,
     "integers of 4 and 8 bits; per channel for constants only; no blocks"},
    {"RMSNormalization", lower_rms_norm, "xx", 1, kFloat, "constant scale"},
    {"Reciprocal", lower_function, "x", 1, kTable, ""},
    {"ReduceL1", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceL2", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceLogSum", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceLogSumExp", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceMax", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceMean", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceMin", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceProd", lower_reduce_product, "xo", 1, kInteger, ""},
    {"ReduceSum", lower_reduce, "xo", 1, kInteger, ""},
    {"ReduceSumSquare", lower_reduce, "xo", 1, kInteger, ""},
    {"Relu", lower_relu, "x", 1, kInteger, ""},
    {"Reshape", lower_reshape, "xo", 1, kView, "constant shape"},
    {"Resize", lower_resize, "xooo", 1, kMoves,
     "nearest; linear and cubic as a layer with 8-bit weights; constant scales or sizes; no antialias"},
    {"Round", lower_function, "x", 1, kTable, ""},
    {"Selu", lower_function, "x", 1, kTable, ""},
    {"Shape", lower_shape, "x", 1, kFolded, ""},
    {"Shrink", lower_function, "x", 1, kTable, ""},
    {"Sigmoid", lower_function, "x", 1, kTable, "x * Sigmoid(x) is one function"},
    {"Sign", lower_function, "x", 1, kTable, ""},
    {"Sin", lower_function, "x", 1, kTable, ""},
    {"Sinh", lower_function, "x", 1, kTable, ""},
    {"Size", lower_shape, "x", 1, kFolded, ""},
    {"Slice", lower_slice, "xoooo", 1, kMoves, "constant bounds"},
    {"Softmax", lower_softmax, "x", 1, kFloat, ""},
    {"Softplus", lower_function, "x", 1, kTable, ""},
    {"Softsign", lower_function, "x", 1, kTable, ""},
    {"SpaceToDepth", lower_space_to_depth, "x", 1, kMoves, ""},
    {"Split", lower_split, "xo", kAnyNumber, kMoves, "constant parts"},
    {"Sqrt", lower_function, "x", 1, kTable, ""},
    {"Squeeze", lower_squeeze, "xo", 1, kView, "constant axes"},
    {"Sub", lower_binary, "xx", 1, kInteger, ""},
    {"Sum", lower_sum, "x*", 1, kInteger, ""},
    {"Swish", lower_fused_gelu, "x", 1, kTable, ""},
    {"Tan", lower_function, "x", 1, kTable, ""},
    {"Tanh", lower_function, "x", 1, kTable, ""},
    {"ThresholdedRelu", lower_function, "x", 1, kTable, ""},
    {"Tile", lower_tile, "xx", 1, kMoves, "constant repeats"},
    {"Transpose", lower_transpose, "x", 1, kView, "moves data where an operator needs another order"},
    {"Unsqueeze", lower_unsqueeze, "xo", 1, kView, "constant axes"},
    {"Upsample", lower_resize, "xo", 1, kMoves, "as Resize"},
    {"Where", lower_where, "xxx", 1, kInteger, "finite constants"},
    {"Xor", lower_logic, "xx", 1, kInteger, ""},
    {"com.microsoft.BiasGelu", lower_fused_gelu, "xx", 1, kTable, ""},
    {"com.microsoft.DequantizeLinear", lower_dequantize, "xxo", 1, kPreQuantized,
     "integers of 4 and 8 bits; per channel for constants only"},
    {"com.microsoft.DynamicQuantizeMatMul", lower_dynamic_matmul, "xxxoo", 1, kDynamic, "constant weights"},
    {"com.microsoft.FastGelu", lower_fused_gelu, "xo", 1, kTable, ""},
    {"com.microsoft.FusedConv", lower_fused_layer, "xxoo", 1, kInteger, "as Conv"},
    {"com.microsoft.FusedGemm", lower_fused_layer, "xxo", 1, kInteger, "as Gemm"},
    {"com.microsoft.Gelu", lower_function, "x", 1, kTable, ""},
    {"com.microsoft.MatMulIntegerToFloat", lower_matmul_to_float, "xxxxooo", 1, kDynamic,
     "constant weights; the input of DynamicQuantizeLinear or QuantizeLinear"},
    {"com.microsoft.QGemm", lower_qlinear, "xxoxxoooo", 1, kInteger, "constant right side and bias"},
    {"com.microsoft.QLinearAdd", lower_qlinear, "xxoxxoxo", 1, kInteger, ""},
    {"com.microsoft.QLinearAveragePool", lower_qlinear, "xxoxo", 1, kInteger, kImages},
    {"com.microsoft.QLinearConcat", lower_qlinear, "xoxxo*", 1, kInteger, ""},
    {"com.microsoft.QLinearGlobalAveragePool", lower_qlinear, "xxoxo", 1, kInteger, ""},
    {"com.microsoft.QLinearLeakyRelu", lower_qlinear, "xxoxo", 1, kTable, ""},
    {"com.microsoft.QLinearMul", lower_qlinear, "xxoxxoxo", 1, kInteger, ""},
    {"com.microsoft.QLinearSigmoid", lower_qlinear, "xxoxo", 1, kTable, ""},
    {"com.microsoft.QLinearSoftmax", lower_qlinear, "xxoxo", 1, kFloat, ""},
    {"com.microsoft.QuantizeLinear", lower_quantize, "xxo", 1, kPreQuantized,
     "integers of 4 and 8 bits; per channel for constants only"},
    {"com.microsoft.QuickGelu", lower_fused_gelu, "x", 1, kTable, ""},
    {"finn.custom_op.general.BipolarQuant", lower_bipolar_quant, "xx", 1, kPreQuantized, kBipolarLimits},
    {"finn.custom_op.general.Quant", lower_quant, "xxxx", 1, kPreQuantized, kQuantLimits},
    {"finn.custom_op.general.Trunc", lower_trunc, "xxxxxo", 1, kRefused, kTruncLimits},
    {"onnx.brevitas.BipolarQuant", lower_bipolar_quant, "xx", 1, kPreQuantized, kBipolarLimits},
    {"onnx.brevitas.Quant", lower_quant, "xxxx", 1, kPreQuantized, kQuantLimits},
    {"onnx.brevitas.Trunc", lower_trunc, "xxxxxo", 1, kRefused, kTruncLimits},
    {"qonnx.custom_op.general.BipolarQuant", lower_bipolar_quant, "xx", 1, kPreQuantized, kBipolarLimits},
    {"qonnx.custom_op.general.IntQuant", lower_quant, "xxxx", 1, kPreQuantized, kQuantLimits},
    {"qonnx.custom_op.general.Quant", lower_quant, "xxxx", 1, kPreQuantized, kQuantLimits},
    {"qonnx.custom_op.general.Trunc", lower_trunc, "xxxxxo", 1, kRefused, kTruncLimits},
    // These operators occur in shape arithmetic only.
    {"Constant", nullptr, "", 1, kFolded, ""},
    {"ConstantOfShape", nullptr, "x", 1, kFolded, kConstantsOnly},
    {"Range", nullptr, "xxx", 1, kFolded, kConstantsOnly},
};

}  // namespace

std::span<const OperatorRow> operator_table() { return kRows; }

const OperatorRow* find_operator(const Node& node) {
  const std::string name =
      node.domain.empty() || node.domain == "ai.onnx" ? node.op_type : node.domain + "." + node.op_type;
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const OperatorRow& r) { return r.name == name; });
  return row == std::end(kRows) ? nullptr : row;
}

Status check_arity(const OperatorRow& row, const Node& node) {
  const bool repeats = !row.inputs.empty() && row.inputs.back() == '*';
  const std::string_view fixed = row.inputs.substr(0, row.inputs.size() - (repeats ? 1 : 0));
  const std::size_t inputs = count_without_trailing(node.inputs);
  if (inputs > fixed.size() && !repeats) {
    return malformed(
        node, "has " + std::to_string(inputs) + " inputs, at most " + std::to_string(fixed.size()) + " are possible");
  }
  for (std::size_t i = 0; i < std::max(inputs, fixed.size()); ++i) {
    const char kind = i < fixed.size() ? fixed[i] : fixed.back();
    const bool missing = i >= inputs || node.inputs[i].empty();
    if (kind == 'x' && missing) return malformed(node, "input " + std::to_string(i) + " is missing");
  }
  const std::size_t outputs = count_without_trailing(node.outputs);
  if (outputs == 0) return malformed(node, "has no output");
  if (outputs > static_cast<std::size_t>(row.outputs)) {
    return malformed(
        node, "has " + std::to_string(outputs) + " outputs, at most " + std::to_string(row.outputs) + " are possible");
  }
  return {};
}

std::vector<SupportedOperator> supported_operators() {
  std::vector<SupportedOperator> result;
  for (const OperatorRow& row : kRows) result.push_back({row.name, row.how, row.limits});
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return result;
}

}  // namespace narrow::onnx
