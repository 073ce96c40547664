// The network as data: values (tensors) and nodes (operators) in execution order, float or quantized.
//
// The importers, the rewrites, the quantizer and the model file all use this representation. A value without
// `quantization` is float32, a value with it is uint8. Tensors are [N, height, width, channels]; N is not part of a
// graph. A graph has one input (an image) and one output (scores).
//
// An imported graph may be pre-quantized (QDQ and QLinear ONNX): it has Quantize and Dequantize nodes whose uint8
// values have parameters, and layers whose float weights come with weight integers. rewrites/ and quantize/ keep both.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/shared_buffer.h"
#include "graph/packed_weights.h"
#include "graph/value_map.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::graph {

struct Value {
  std::string name;  // unique, not empty
  TensorShape shape;
  std::optional<Quantization> quantization;
};

// A sliding window over height and width.
struct Window {
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int dilation_h = 1;
  int dilation_w = 1;
  Padding pad;
  friend bool operator==(const Window&, const Window&) = default;
};

struct QuantizedFilter {
  QRange range;                             // range of the weights; within [-128, 127]
  base::SharedBuffer<std::int8_t> weights;  // same order as Filter::weights
  std::vector<float> scales;                // [out_channels]; all equal when quantized per tensor
  std::vector<std::int32_t> bias;           // [out_channels], at scale input_scale * scales[c]
  // Set in a graph from a model file, with the same range. `weights` are then empty.
  std::optional<PackedWeights> packed = std::nullopt;

  [[nodiscard]] std::size_t weight_count() const { return packed ? packed->size() : weights.size(); }
  // The weights or the packed weights, which are unpacked into `buffer`.
  [[nodiscard]] std::span<const std::int8_t> integers(std::vector<std::int8_t>& buffer) const {
    return packed ? packed->view(buffer) : std::span<const std::int8_t>(weights);
  }
};

// Pre-quantized weights: Filter::weights[i] is integers[i] * scales[output channel of i], rounded.
struct PreQuantizedWeights {
  base::SharedBuffer<std::int8_t> integers;  // same order as Filter::weights
  std::vector<float> scales;                 // [out_channels], > 0; all equal if the file quantizes per tensor
};

// Weights of a convolution or linear layer. They are float until quantization; then only the integers are kept. Copies
// of a filter, and so of a graph, share the memory of their weights until one of them edits it.
struct Filter {
  // [out_channels, kernel_h, kernel_w, in_channels / groups]; linear: [out, H * W * C]
  base::SharedBuffer<float> weights;
  base::SharedBuffer<float> bias;  // [out_channels]
  std::optional<QuantizedFilter> quantized = std::nullopt;
  // Weight integers of a pre-quantized layer, next to its float weights.
  std::optional<PreQuantizedWeights> pre_quantized = std::nullopt;
};

struct Convolution {
  Window window;
  int groups = 1;
  int out_channels = 0;
  Filter filter;
};
struct Linear {  // on the flattened input, in [height, width, channels] order
  int out_features = 0;
  Filter filter;
};
struct BatchNorm {  // y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel; folded before execution
  std::vector<float> gamma, beta, mean, variance;  // [channels]
  double epsilon = 1e-5;
};
struct Activation {};  // y = clamp(x), see Node::clamp
// Two inputs. Each of height, width and channels is equal in both, or 1 in one of them, which is repeated.
// y = clamp(a + b). Where the output is uint8, one input may be float32: see summed_input().
struct Add {};
struct Subtract {};  // y = clamp(a - b)
struct Multiply {};  // y = clamp(a * b)
struct Maximum {};   // y = clamp(max(a, b))
struct Minimum {};   // y = clamp(min(a, b))

enum class FunctionKind : std::uint8_t {
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kPRelu,        // x < 0 ? slopes[channel] * x : x
  kElu,          // x < 0 ? alpha * (exp(x) - 1) : x
  kHardSigmoid,  // clamp(alpha * x + beta, 0, 1)
  kHardSwish,    // x * clamp(alpha * x + beta, 0, 1)
  kSigmoid,      // 1 / (1 + exp(-x))
  kSilu,         // x * sigmoid(x)
  kTanh,
  kErf,              // error function
  kGelu,             // x * (1 + erf(x / sqrt(2))) / 2
  kGeluTanh,         // about the same with tanh: x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2
  kSoftplus,         // log(1 + exp(x))
  kMish,             // x * tanh(softplus(x))
  kSelu,             // beta * (x < 0 ? alpha * (exp(x) - 1) : x)
  kCelu,             // x < 0 ? alpha * (exp(x / alpha) - 1) : x
  kSoftsign,         // x / (1 + |x|)
  kThresholdedRelu,  // x > alpha ? x : 0
  kShrink,           // x < -alpha ? x + beta : x > alpha ? x - beta : 0
  kPower,            // x^alpha
  kExp,
  kLog,  // natural logarithm
  kAbs,
  kSign,   // -1, 0 or 1
  kFloor,  // largest integer up to x
  kCeil,   // smallest integer from x on
  kRound,  // nearest integer, half to even
  kTrunc,  // the integer part
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
};
// A nonlinear function of each element. On uint8 it is a table. The quantizer makes the table and the model file stores
// it, so that no CPU's math library affects a result. Formulas: the ONNX operators of these names; evaluate_function()
// in graph/function.h.
struct Function {
  FunctionKind kind = FunctionKind::kSigmoid;
  float alpha = 0;
  float beta = 0;
  std::vector<float> slopes;        // kPRelu only: [channels]
  std::vector<std::uint8_t> table;  // uint8 only: [1, 256], kPRelu [channels, 256]
};
struct MaxPool {  // padding never is the maximum; a 1x1 window with a stride is subsampling
  Window window;
};
struct AveragePool {
  Window window;
  bool count_include_pad = false;
};
struct GlobalAveragePool {};  // [H, W, C] -> [1, 1, C]
struct Concat {};             // along channels, two or more inputs
struct PadChannels {          // zeros before and after the channels
  int before = 0;
  int after = 0;
};
struct Pad {  // zeros around the image
  Padding pad;
};
struct Slice {  // elements [begin, begin + size) of every dimension
  TensorShape begin;
  TensorShape size;
};
struct Gather {       // element i along a dimension is element indices[i] of the input
  int dimension = 2;  // 0 height, 1 width, 2 channels
  std::vector<std::int32_t> indices;
};
struct Flatten {};  // [H, W, C] -> [1, 1, H * W * C]; moves no byte
struct Reshape {    // another shape with the same number of elements; moves no byte
  TensorShape shape;
};
struct Transpose {  // output dimension i is input dimension order[i]; 0 height, 1 width, 2 channels
  std::array<int, 3> order{0, 1, 2};
};
// Over the channels of each pixel: exp(x) / sum of exp(x). float32 only.
struct Softmax {};
// Over the channels of each pixel: the logarithm of Softmax. float32 only.
struct LogSoftmax {};
// Across channels: x / (bias + alpha / size * sum of x^2 over `size` channels around it)^beta. float32 only. (ONNX LRN;
// Krizhevsky et al. 2012, section 3.3.)
struct Lrn {
  int size = 5;
  float alpha = 1e-4F;
  float beta = 0.75F;
  float bias = 1;
};
// Over the channels of each pixel: (x - mean) / sqrt(variance + epsilon) * scale[channel] + shift[channel], where the
// variance is the mean of (x - mean)^2. float32 only. (ONNX LayerNormalization; Ba et al. 2016.)
struct LayerNorm {
  std::vector<float> scale, shift;  // [channels]
  float epsilon = 1e-5F;            // > 0
};
struct Identity {};    // dropout at inference
struct Quantize {};    // float32 to uint8, with the parameters of the output value
struct Dequantize {};  // uint8 to float32, with the parameters of the input value

using Op = std::variant<Convolution, Linear, BatchNorm, Activation, Add, MaxPool, AveragePool, GlobalAveragePool,
                        Concat, PadChannels, Flatten, Identity, Quantize, Dequantize, Subtract, Multiply, Function, Pad,
                        Slice, Reshape, Transpose, Softmax, Lrn, LayerNorm, Gather, Maximum, Minimum, LogSoftmax>;

// Name of the operator as users see it, e.g. "Convolution".
[[nodiscard]] std::string_view op_name(const Op& op);

// Whether the operator is one of Ops: is<Quantize, Dequantize>(node.op).
template <class... Ops>
[[nodiscard]] bool is(const Op& op) {
  return (std::holds_alternative<Ops>(op) || ...);
}

// std::visit for operators. It is a switch, where std::visit has a table of pointers to one function for each operator:
// half as many bytes.
template <class Visitor, class AnyOp>
[[gnu::always_inline]] inline decltype(auto) visit(Visitor&& visitor, AnyOp& op) {
  static_assert(std::variant_size_v<Op> == 28, "a case for each operator");
#define NARROW_VISIT(i) \
  case i:               \
    return visitor(*std::get_if<i>(&op));
#define NARROW_VISIT_4(i) NARROW_VISIT(i) NARROW_VISIT(i + 1) NARROW_VISIT(i + 2) NARROW_VISIT(i + 3)
  switch (op.index()) {
    NARROW_VISIT_4(0)
    NARROW_VISIT_4(4)
    NARROW_VISIT_4(8)
    NARROW_VISIT_4(12)
    NARROW_VISIT_4(16)
    NARROW_VISIT_4(20)
    NARROW_VISIT_4(24)
    default:
      __builtin_unreachable();  // an Op always holds a value: moving operators does not throw
  }
#undef NARROW_VISIT_4
#undef NARROW_VISIT
}

struct Node {
  std::string name;  // unique, not empty
  Op op;
  std::vector<ValueId> inputs;
  ValueId output = kNoValue;
  Clamp clamp;  // applied to the result; the identity for operators without kTakesClamp (graph/operators.h)
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;  // topological order
  ValueId input = kNoValue;
  ValueId output = kNoValue;

  // Whether `id` is one of the values; other functions require it.
  [[nodiscard]] bool has(ValueId id) const { return id >= 0 && static_cast<std::size_t>(id) < values.size(); }
  [[nodiscard]] Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }

  // Adds a value and returns its id. If the name is taken, a suffix makes it unique.
  ValueId add_value(std::string name, TensorShape shape = {});
  // Appends a node with a new output value. The shape of the value is inferred; its name is that of the node. Error:
  // the inputs do not fit the operator.
  Result<ValueId> add_node(std::string name, Op op, std::vector<ValueId> inputs, Clamp clamp = {});
};

// The filter of a node; nullptr if its operator has none.
[[nodiscard]] Filter* filter_of(Node& node);
[[nodiscard]] const Filter* filter_of(const Node& node);

// Whether it is a convolution with as many groups as outputs, each of which reads one channel.
[[nodiscard]] bool is_depthwise(const Node& node);

// A sum that is rounded once: an Add with a uint8 output that reads one uint8 tensor and the float32 results of an
// integer convolution, which no other node reads. Returns which input is float32, or nothing for all other nodes.
[[nodiscard]] std::optional<std::size_t> summed_input(const Graph& graph, const Node& node);

// The properties of an operator that graph/operators.h holds.
// Its output holds elements of its input, unchanged, and zeros. On integers, input and output share their quantization.
[[nodiscard]] bool is_lossless(const Op& op);
// Whether the operator is lossless and keeps every byte where it is.
[[nodiscard]] bool moves_no_byte(const Op& op);
// Whether the operator exists on float32 only.
[[nodiscard]] bool is_float_only(const Op& op);
// Whether a float graph may have the operator with a uint8 output, as graphs of pre-quantized networks do.
[[nodiscard]] bool may_be_pre_quantized(const Op& op);

// Of the output: numbers that can't leave 0..1, as of a sigmoid, are probabilities of classes on their own, and of one
// distribution if they always sum to 1. What is known of them is followed through the operators after a Softmax or a
// function: a mean of softmaxes, 1 - p, a clamp.
[[nodiscard]] ScoreKind score_kind(const Graph& graph);

// Index into graph.nodes of each value's producer. -1: none; the value is the input or dead.
[[nodiscard]] ValueMap<int> producers(const Graph& graph);
// For each value, the indices of the nodes that read it, one entry per use.
[[nodiscard]] ValueMap<std::vector<int>> consumers(const Graph& graph);

// Output shape of `op` for these input shapes. Overflow is checked. Error: they do not fit, with the reason.
[[nodiscard]] Result<TensorShape> infer_shape(const Op& op, const std::vector<TensorShape>& inputs);

// Checks everything that later stages rely on: ids, order, single assignment, unique names, attribute ranges, weight
// sizes, shapes, finite numbers, quantization parameters, element types (which operator may read and write float32 or
// uint8), int32 accumulator depth, and that the output is computed. Every graph from outside is checked here.
[[nodiscard]] Status validate(const Graph& graph);

// The work of one image, over all nodes: multiply-accumulates, elements of pooling windows, and elements that the other
// operators write. A double, which no sum overflows.
[[nodiscard]] double operations(const Graph& graph);

// Multiply-accumulates of one node for one image.
[[nodiscard]] std::int64_t macs(const Graph& graph, const Node& node);

// Removes nodes and values that the output does not depend on, and renumbers values.
void remove_dead(Graph& graph);

}  // namespace narrow::graph
