// What the scores of a network are: logits, or what went through a Softmax or a sigmoid.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "graph/ir.h"

using namespace narrow;
using namespace narrow::graph;

namespace {

// `ops` one after the other on ten scores.
Graph chain(const std::vector<Op>& ops) {
  Graph graph;
  graph.input = graph.add_value("scores", {1, 1, 10});
  ValueId at = graph.input;
  for (const Op& op : ops) at = graph.add_node(std::string(op_name(op)), op, {at}).value();
  graph.output = at;
  return graph;
}

ScoreKind kind_of(const std::vector<Op>& ops) { return score_kind(chain(ops)); }

Op function_of(FunctionKind kind) {
  Function function;
  function.kind = kind;
  return function;
}

Op sigmoid() { return function_of(FunctionKind::kSigmoid); }
Op exponential() { return function_of(FunctionKind::kExp); }

}  // namespace

TEST_CASE("a softmax at the end gives probabilities whatever moves or stores them afterwards") {
  CHECK(kind_of({Softmax{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Activation{}, Softmax{}, Flatten{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Softmax{}, Quantize{}, Dequantize{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Softmax{}, Reshape{{2, 5, 1}}, Identity{}}) == ScoreKind::kProbabilities);
}

TEST_CASE("the exponential function of a logarithm of softmax gives probabilities") {
  CHECK(kind_of({LogSoftmax{}, exponential()}) == ScoreKind::kProbabilities);
  CHECK(kind_of({LogSoftmax{}, Flatten{}, exponential(), Identity{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({LogSoftmax{}}) == ScoreKind::kLogits);
  CHECK(kind_of({exponential()}) == ScoreKind::kLogits);
  CHECK(kind_of({LogSoftmax{}, LogSoftmax{}, exponential()}) == ScoreKind::kProbabilities);
  CHECK(kind_of({LogSoftmax{}, exponential(), exponential()}) == ScoreKind::kLogits);
}

TEST_CASE("a sigmoid at the end gives each class a probability of its own") {
  CHECK(kind_of({sigmoid()}) == ScoreKind::kIndependent);
  CHECK(kind_of({sigmoid(), Quantize{}, Dequantize{}, Flatten{}}) == ScoreKind::kIndependent);
  CHECK(kind_of({sigmoid(), Activation{}}) == ScoreKind::kIndependent);
}

TEST_CASE("what is computed of probabilities is as long as it stays within 0 and 1") {
  const auto ends_in = [](auto&& build) {
    Graph graph;
    graph.input = graph.add_value("scores", {1, 1, 4});
    graph.output = build(graph);
    return score_kind(graph);
  };
  const auto make = [](Graph& graph, Op op, std::vector<ValueId> inputs, Clamp clamp = {}) {
    return graph.add_node("node" + std::to_string(graph.nodes.size()), std::move(op), std::move(inputs), clamp).value();
  };
  const auto scale = [](std::vector<float> weights, std::vector<float> biases) {
    Convolution op;
    op.groups = op.out_channels = static_cast<int>(weights.size());
    op.filter.weights = std::move(weights);
    op.filter.bias = std::move(biases);
    return op;
  };
  const auto head = [&](Graph& graph, Op op) {
    const ValueId features = make(graph, Activation{}, {graph.input});
    return make(graph, std::move(op), {features});
  };
  const std::vector<float> halves(4, 0.5F);
  const std::vector<float> zeros(4, 0);
  const auto mean_of = [&](const std::vector<float>& weights) {
    return ends_in([&](Graph& graph) {
      const ValueId sum = make(graph, Add{}, {head(graph, Softmax{}), head(graph, Softmax{})});
      return make(graph, scale(weights, zeros), {sum});
    });
  };
  CHECK(mean_of(halves) == ScoreKind::kProbabilities);
  CHECK(mean_of({0.25F, 0.25F, 0.25F, 0.25F}) == ScoreKind::kIndependent);  // sums to 1/2
  CHECK(mean_of({0.1F, 0.2F, 0.3F, 0.4F}) == ScoreKind::kIndependent);
  CHECK(mean_of({0.6F, 0.6F, 0.6F, 0.6F}) == ScoreKind::kLogits);  // may be 1.2
  const auto scaled_by = [&](Op op, float weight, float bias) {
    const std::vector<float> weights(4, weight);
    const std::vector<float> biases(4, bias);
    return ends_in([&](Graph& graph) { return make(graph, scale(weights, biases), {head(graph, op)}); });
  };
  Function tanh;
  tanh.kind = FunctionKind::kTanh;
  CHECK(scaled_by(sigmoid(), -1, 1) == ScoreKind::kIndependent);
  CHECK(scaled_by(sigmoid(), -1, 0) == ScoreKind::kLogits);
  CHECK(scaled_by(tanh, 0.5F, 0.5F) == ScoreKind::kIndependent);
  CHECK(scaled_by(tanh, 0.5F, 0) == ScoreKind::kLogits);
  CHECK(scaled_by(Softmax{}, 100, 0) == ScoreKind::kLogits);
  CHECK(ends_in([&](Graph& graph) {  // 1 - p, p
          const ValueId p = head(graph, sigmoid());
          return make(graph, Concat{}, {make(graph, scale({-1, -1, -1, -1}, {1, 1, 1, 1}), {p}), p});
        }) == ScoreKind::kIndependent);
  CHECK(ends_in([&](Graph& graph) {  // two distributions
          return make(graph, Concat{}, {head(graph, Softmax{}), head(graph, Softmax{})});
        }) == ScoreKind::kIndependent);
  CHECK(ends_in([&](Graph& graph) {
          return make(graph, Multiply{}, {head(graph, sigmoid()), head(graph, Softmax{})});
        }) == ScoreKind::kIndependent);
  CHECK(ends_in([&](Graph& graph) {
          return make(graph, Maximum{}, {head(graph, sigmoid()), graph.input});
        }) == ScoreKind::kLogits);
  CHECK(ends_in([&](Graph& graph) {
          return make(graph, Activation{}, {graph.input}, {0, 1});
        }) == ScoreKind::kIndependent);
  CHECK(ends_in([&](Graph& graph) { return make(graph, Activation{}, {graph.input}, {0, 6}); }) == ScoreKind::kLogits);
  CHECK(ends_in([&](Graph& graph) {  // keeps zeros out of a logarithm
          return make(graph, Activation{}, {head(graph, Softmax{})}, {1e-7F, 1});
        }) == ScoreKind::kProbabilities);
  CHECK(ends_in([&](Graph& graph) {
          return make(graph, Activation{}, {head(graph, Softmax{})}, {0.5F, 1});
        }) == ScoreKind::kIndependent);
}

TEST_CASE("scores that something computes after a softmax or without one are not taken for probabilities") {
  CHECK(kind_of({}) == ScoreKind::kLogits);
  CHECK(kind_of({Activation{}}) == ScoreKind::kLogits);
  CHECK(kind_of({LogSoftmax{}}) == ScoreKind::kLogits);  // its softmax is the probabilities
  Function elu;
  elu.kind = FunctionKind::kElu;
  CHECK(kind_of({Softmax{}, elu}) == ScoreKind::kLogits);
  // What no validation has seen must not send it in a circle.
  Graph circle = chain({Flatten{}, Identity{}});
  circle.nodes[0].inputs[0] = circle.output;
  CHECK(score_kind(circle) == ScoreKind::kLogits);
  CHECK(score_kind(Graph{}) == ScoreKind::kLogits);
}
