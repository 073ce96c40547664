#include "importers/onnx/lower/operator_table.h"

#include <algorithm>
#include <array>
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
constexpr std::string_view kPartOfLayerNorm = "constant inputs only, or as part of a layer normalization";
constexpr std::string_view kImages = "images [N, C, H, W] only";

constexpr OperatorRow kRows[] = {
    {"Add", lower_binary, kInteger, ""},
    {"AveragePool", lower_average_pool, kInteger, "images [N, C, H, W] only; no dilations"},
    {"BatchNormalization", lower_batch_norm, kAffine, "inference only"},
    {"Cast", lower_cast, kView, "to floating types; others for constants only"},
    {"Clip", lower_clip, kInteger, "constant bounds"},
    {"Concat", lower_concat, kInteger, "computed inputs only, or constants only"},
    {"Conv", lower_conv, kInteger, "images [N, C, H, W] only; constant weights"},
    {"DequantizeLinear", lower_dequantize, kPreQuantized, "int8 and uint8; per channel for constants only; no blocks"},
    {"Div", lower_binary, kAffine, "by constants"},
    {"Dropout", lower_identity, kView, "inference only; no mask"},
    {"Elu", lower_function, kTable, ""},
    {"Erf", lower_function, kTable, "x * (1 + Erf(x / sqrt(2))) / 2 is one function, Gelu"},
    {"Flatten", lower_flatten, kView, ""},
    {"Gather", lower_gather, kMoves, "one constant index, or a contiguous range"},
    {"Gelu", lower_function, kTable, ""},
    {"Gemm", lower_gemm, kInteger, "constant right side and bias"},
    {"GlobalAveragePool", lower_global_pool, kInteger, ""},
    {"GlobalMaxPool", lower_global_pool, kInteger, ""},
    {"HardSigmoid", lower_function, kTable, ""},
    {"HardSwish", lower_function, kTable, ""},
    {"Identity", lower_identity, kView, ""},
    {"LRN", lower_lrn, kFloat, ""},
    {"LayerNormalization", lower_layer_norm, kFloat, "constant scale and bias; one output"},
    {"LeakyRelu", lower_function, kTable, ""},
    {"MatMul", lower_matmul, kInteger, "one side a constant matrix, or [B, in, out]"},
    {"MaxPool", lower_max_pool, kInteger, "images [N, C, H, W] only; no indices"},
    {"Mul", lower_binary, kInteger, ""},
    {"Neg", lower_neg, kAffine, ""},
    {"PRelu", lower_prelu, kTable, "constant slopes"},
    {"Pad", lower_pad, kMoves, "with constant zeros"},
    {"QLinearConv", lower_qlinear, kInteger, kImages},
    {"QLinearMatMul", lower_qlinear, kInteger, "one side a constant matrix, or [B, in, out]"},
    {"QuantizeLinear", lower_quantize, kPreQuantized, "int8 and uint8; per channel for constants only; no blocks"},
    {"ReduceMax", lower_reduce, kInteger, ""},
    {"ReduceMean", lower_reduce, kInteger, ""},
    {"ReduceSum", lower_reduce, kInteger, ""},
    {"Relu", lower_relu, kInteger, ""},
    {"Reshape", lower_reshape, kView, "constant shape"},
    {"Shape", lower_shape, kFolded, ""},
    {"Sigmoid", lower_function, kTable, "x * Sigmoid(x) is one function"},
    {"Size", lower_shape, kFolded, ""},
    {"Slice", lower_slice, kMoves, "constant bounds; steps above 0"},
    {"Softmax", lower_softmax, kFloat, ""},
    {"Split", lower_split, kMoves, "constant parts"},
    {"Squeeze", lower_squeeze, kView, "constant axes"},
    {"Sub", lower_binary, kInteger, ""},
    {"Sum", lower_sum, kInteger, ""},
    {"Tanh", lower_function, kTable, ""},
    {"Transpose", lower_transpose, kView, "moves data where an operator needs another order"},
    {"Unsqueeze", lower_unsqueeze, kView, "constant axes"},
    {"com.microsoft.Gelu", lower_function, kTable, ""},
    {"com.microsoft.QGemm", lower_qlinear, kInteger, "constant right side and bias"},
    {"com.microsoft.QLinearAdd", lower_qlinear, kInteger, ""},
    {"com.microsoft.QLinearAveragePool", lower_qlinear, kInteger, kImages},
    {"com.microsoft.QLinearConcat", lower_qlinear, kInteger, ""},
    {"com.microsoft.QLinearGlobalAveragePool", lower_qlinear, kInteger, ""},
    {"com.microsoft.QLinearLeakyRelu", lower_qlinear, kTable, ""},
    {"com.microsoft.QLinearMul", lower_qlinear, kInteger, ""},
    {"com.microsoft.QLinearSigmoid", lower_qlinear, kTable, ""},
    // These operators occur in shape arithmetic only.
    {"Abs", nullptr, kFolded, kConstantsOnly},
    {"And", nullptr, kFolded, kConstantsOnly},
    {"Ceil", nullptr, kFolded, kConstantsOnly},
    {"Constant", nullptr, kFolded, ""},
    {"ConstantOfShape", nullptr, kFolded, kConstantsOnly},
    {"Equal", nullptr, kFolded, kConstantsOnly},
    {"Exp", nullptr, kFolded, kConstantsOnly},
    {"Expand", nullptr, kFolded, kConstantsOnly},
    {"Floor", nullptr, kFolded, kConstantsOnly},
    {"Greater", nullptr, kFolded, kConstantsOnly},
    {"Less", nullptr, kFolded, kConstantsOnly},
    {"Max", nullptr, kFolded, kConstantsOnly},
    {"Min", nullptr, kFolded, kConstantsOnly},
    {"Mod", nullptr, kFolded, kConstantsOnly},
    {"Not", nullptr, kFolded, kConstantsOnly},
    {"Or", nullptr, kFolded, kConstantsOnly},
    {"Pow", nullptr, kFolded, kPartOfLayerNorm},
    {"Range", nullptr, kFolded, kConstantsOnly},
    {"Reciprocal", nullptr, kFolded, kPartOfLayerNorm},
    {"ReduceMin", nullptr, kFolded, kConstantsOnly},
    {"ReduceProd", nullptr, kFolded, kConstantsOnly},
    {"Sqrt", nullptr, kFolded, kPartOfLayerNorm},
    {"Tile", nullptr, kFolded, kConstantsOnly},
    {"Where", nullptr, kFolded, kConstantsOnly},
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

std::vector<SupportedOperator> supported_operators() {
  std::vector<SupportedOperator> result;
  for (const OperatorRow& row : kRows) result.push_back({row.name, row.how, row.limits});
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return result;
}

}  // namespace narrow::onnx
