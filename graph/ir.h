// The network as data: values (tensors) and nodes (operators) in execution order, float or quantized.
//
// One representation serves from the importer to the model file. A value without `quantization` is float32, one with
// it is uint8. Tensors are [N, height, width, channels]; N is not part of a graph. A graph has one input (a picture)
// and one output (scores).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::graph {

using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;

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
  QRange range;                      // of weights; within [-128, 127]
  std::vector<std::int8_t> weights;  // same order as Filter::weights
  std::vector<float> scales;         // [out_channels]; all equal when quantized per tensor
  std::vector<std::int32_t> bias;    // [out_channels], at scale input_scale * scales[c]
};

// Weights of a convolution or linear layer: float until quantization, then only the quantized form is kept.
struct Filter {
  std::vector<float> weights;  // [out_channels, kernel_h, kernel_w, in_channels / groups]; linear: [out, H * W * C]
  std::vector<float> bias;     // [out_channels]
  std::optional<QuantizedFilter> quantized;
};

struct Convolution {
  Window window;
  int groups = 1;
  int out_channels = 0;
  Filter filter;
};
struct Linear {  // on the flattened input, in [H, W, C] order
  int out_features = 0;
  Filter filter;
};
struct BatchNorm {  // y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel; folded before execution
  std::vector<float> gamma, beta, mean, variance;  // [channels]
  double epsilon = 1e-5;
};
struct Activation {};  // y = clamp(x), see Node::clamp
struct Add {};         // y = clamp(a + b), equal shapes
struct MaxPool {       // padding never wins; a 1x1 window with a stride is a subsampling
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
struct Flatten {};     // [H, W, C] -> [1, 1, H * W * C]; moves no byte
struct Identity {};    // dropout at inference
struct Quantize {};    // float32 -> uint8, parameters of the output value
struct Dequantize {};  // uint8 -> float32, parameters of the input value

using Op = std::variant<Convolution, Linear, BatchNorm, Activation, Add, MaxPool, AveragePool, GlobalAveragePool,
                        Concat, PadChannels, Flatten, Identity, Quantize, Dequantize>;

// Name of the operator as users see it, e.g. "Convolution".
[[nodiscard]] std::string_view op_name(const Op& op);

struct Node {
  std::string name;  // unique, not empty
  Op op;
  std::vector<ValueId> inputs;
  ValueId output = kNoValue;
  Clamp clamp;  // applied to the result; allowed on Convolution, Linear, Activation, Add
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;  // topological order
  ValueId input = kNoValue;
  ValueId output = kNoValue;

  [[nodiscard]] Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }

  // Adds a value and returns its id. The name is made unique by a suffix if it is taken.
  ValueId add_value(std::string name, TensorShape shape = {});
  // Appends a node with a new output value whose shape is inferred; the value is named after the node.
  // Error: the inputs do not fit the operator.
  Result<ValueId> add_node(std::string name, Op op, std::vector<ValueId> inputs, Clamp clamp = {});
};

// Filter of a node, or nullptr when the operator has none.
[[nodiscard]] Filter* filter_of(Node& node);
[[nodiscard]] const Filter* filter_of(const Node& node);

// Index into graph.nodes of each value's producer (-1: none, the input or a dead value).
[[nodiscard]] std::vector<int> producers(const Graph& graph);
// For each value, the indices of nodes that read it (an index appears once per use).
[[nodiscard]] std::vector<std::vector<int>> consumers(const Graph& graph);

// Output shape of `op` for these input shapes. Error: they do not fit, with the reason; overflow is checked.
[[nodiscard]] Result<TensorShape> infer_shape(const Op& op, const std::vector<TensorShape>& inputs);

// Checks everything that later stages rely on: ids, order, single assignment, unique names, attribute ranges, weight
// sizes, shapes, finite numbers, quantization parameters, element types (which operator may read and write float32 or
// uint8), int32 accumulator depth, and that the output is reached. Every graph from outside passes through here.
[[nodiscard]] Status validate(const Graph& graph);

// Multiply-accumulates of one node for one picture.
[[nodiscard]] std::int64_t macs(const Graph& graph, const Node& node);

// Removes nodes and values that the output does not depend on, and renumbers values.
void remove_dead(Graph& graph);

}  // namespace narrow::graph
