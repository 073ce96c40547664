// What the scores of a network are, by what computes them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "graph/ir.h"
#include "graph/operators.h"

namespace narrow::graph {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// What is known of the elements of a tensor, whatever the image.
struct Content {
  double low = -kUnbounded;
  double high = kUnbounded;
  std::optional<double> sum = std::nullopt;         // of all elements
  std::optional<double> sum_of_exp = std::nullopt;  // of the exponential functions of all elements

  [[nodiscard]] bool is_finite() const { return std::isfinite(low) && std::isfinite(high); }
};

Content of_function(FunctionKind kind, const Content& x) {
  switch (kind) {
    case FunctionKind::kExp:
      return {std::exp(x.low), std::exp(x.high), x.sum_of_exp};
    case FunctionKind::kSigmoid:
    case FunctionKind::kHardSigmoid:
      return {0, 1};
    case FunctionKind::kTanh:
    case FunctionKind::kErf:
    case FunctionKind::kSoftsign:
      return {-1, 1};
    case FunctionKind::kAbs:
    case FunctionKind::kSoftplus:
      return {0, kUnbounded};
    default:
      return {};
  }
}

// weight * x + bias
Content scaled(const Content& x, double weight, double bias) {
  if (!x.is_finite()) return {};
  const double a = weight * x.low + bias;
  const double b = weight * x.high + bias;
  return {std::min(a, b), std::max(a, b)};
}

// A convolution with one weight for each channel, as products and sums with constants become.
Content of_scaling(const Graph& graph, const Node& node, const Convolution& op, const Content& x) {
  const TensorShape& shape = graph.value(node.output).shape;
  const bool scales_channels = op.window.kernel_h == 1 && op.window.kernel_w == 1 && op.groups == op.out_channels &&
                               op.out_channels == shape.channels && op.window.pad == Padding{} &&
                               graph.has(node.inputs[0]) && graph.value(node.inputs[0]).shape == shape;
  if (!scales_channels || !x.is_finite()) return {};
  const auto channels = static_cast<std::size_t>(op.out_channels);
  std::vector<double> weights(channels);
  std::vector<double> biases(channels);
  if (op.filter.quantized) {
    const QuantizedFilter& filter = *op.filter.quantized;
    const auto& quantization = graph.value(node.inputs[0]).quantization;
    if (!quantization || filter.weight_count() != channels) return {};
    std::vector<std::int8_t> buffer;
    const std::span<const std::int8_t> integers = filter.integers(buffer);
    for (std::size_t c = 0; c < channels; ++c) {
      weights[c] = double{filter.scales[c]} * integers[c];
      biases[c] = double{filter.scales[c]} * double{quantization->scale} * filter.bias[c];
    }
  } else {
    if (op.filter.weights.size() != channels || op.filter.bias.size() != channels) return {};
    std::copy(op.filter.weights.begin(), op.filter.weights.end(), weights.begin());
    std::copy(op.filter.bias.begin(), op.filter.bias.end(), biases.begin());
  }
  Content all = scaled(x, weights[0], biases[0]);
  double bias = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const Content one = scaled(x, weights[c], biases[c]);
    all.low = std::min(all.low, one.low);
    all.high = std::max(all.high, one.high);
    bias += biases[c];
  }
  const auto [least, most] = std::minmax_element(weights.begin(), weights.end());
  constexpr double kAlike = 1e-3;  // weights that rounding moved
  if (x.sum && *most - *least <= kAlike) {
    const double pixels = static_cast<double>(shape.height) * static_cast<double>(shape.width);
    all.sum = *x.sum * *most + bias * pixels;
  }
  return all;
}

Content of_two(const Graph& graph, const Node& node, const Content& a, const Content& b) {
  if (is<Maximum>(node.op)) return {std::max(a.low, b.low), std::max(a.high, b.high)};
  if (is<Minimum>(node.op)) return {std::min(a.low, b.low), std::min(a.high, b.high)};
  if (!a.is_finite() || !b.is_finite()) return {};
  if (is<Subtract>(node.op)) return {a.low - b.high, a.high - b.low};
  if (is<Multiply>(node.op)) {
    const auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
    return {low, high};
  }
  Content sum{a.low + b.low, a.high + b.high};
  const bool same_shape = graph.value(node.inputs[0]).shape == graph.value(node.inputs[1]).shape;
  if (a.sum && b.sum && same_shape) sum.sum = *a.sum + *b.sum;
  return sum;
}

Content without_sum(Content content) {
  content.sum.reset();
  content.sum_of_exp.reset();
  return content;
}

Content of_node(const Graph& graph, const Node& node, std::span<const Content> inputs) {
  if (is<Softmax, LogSoftmax>(node.op)) {
    const TensorShape& shape = graph.value(node.output).shape;
    const double pixels = static_cast<double>(shape.height) * static_cast<double>(shape.width);
    if (is<Softmax>(node.op)) return {0, 1, pixels};
    return {-kUnbounded, 0, std::nullopt, pixels};
  }
  if (const auto* function = std::get_if<Function>(&node.op)) return of_function(function->kind, inputs[0]);
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
    return of_scaling(graph, node, *convolution, inputs[0]);
  }
  if (is<Activation, Transpose>(node.op) || moves_no_byte(node.op) || row_of(node.op).has(kConverts)) return inputs[0];
  if (is<Slice, Gather, MaxPool>(node.op)) return without_sum(inputs[0]);
  if (is<GlobalAveragePool>(node.op)) {
    Content mean = inputs[0];
    mean.sum_of_exp.reset();
    const TensorShape& shape = graph.value(node.inputs[0]).shape;
    if (mean.sum) *mean.sum /= static_cast<double>(shape.height) * static_cast<double>(shape.width);
    return mean;
  }
  if (is<Concat>(node.op)) {
    Content all = inputs[0];
    all.sum_of_exp.reset();
    for (const Content& part : inputs.subspan(1)) {
      all.low = std::min(all.low, part.low);
      all.high = std::max(all.high, part.high);
      if (all.sum) all.sum = part.sum ? std::optional(*all.sum + *part.sum) : std::nullopt;
    }
    return all;
  }
  if (is<Add, Subtract, Multiply, Maximum, Minimum>(node.op) && inputs.size() == 2) {
    return of_two(graph, node, inputs[0], inputs[1]);
  }
  return {};
}

// Clamps that keep a zero out of a logarithm change no sum.
constexpr double kClose = 1e-3;

Content clamped(Content content, const Clamp& clamp) {
  const bool keeps = double{clamp.lo} <= content.low + kClose && double{clamp.hi} >= content.high - kClose;
  content.low = std::min(std::max(content.low, double{clamp.lo}), double{clamp.hi});
  content.high = std::min(std::max(content.high, double{clamp.lo}), double{clamp.hi});
  return keeps ? content : without_sum(content);
}

}  // namespace

ScoreKind score_kind(const Graph& graph) {
  if (!graph.has(graph.output)) return ScoreKind::kLogits;
  ValueMap<Content> contents(graph.values.size(), Content{});
  std::vector<Content> inputs;
  for (const Node& node : graph.nodes) {
    const auto unknown = [&](ValueId id) { return !graph.has(id); };
    if (node.inputs.empty() || unknown(node.output) || std::any_of(node.inputs.begin(), node.inputs.end(), unknown)) {
      continue;
    }
    inputs.clear();
    for (const ValueId id : node.inputs) inputs.push_back(contents[id]);
    contents[node.output] = clamped(of_node(graph, node, inputs), node.clamp);
  }
  const Content& scores = contents[graph.output];
  // Bounds of weights that are no numbers are none either.
  if (!(scores.low >= -kClose && scores.high <= 1 + kClose)) return ScoreKind::kLogits;
  constexpr double kRounding = 0.01;  // of products with 8-bit weights
  const bool is_distribution = scores.sum && std::abs(*scores.sum - 1) <= kRounding;
  return is_distribution ? ScoreKind::kProbabilities : ScoreKind::kIndependent;
}

}  // namespace narrow::graph
