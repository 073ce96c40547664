// What the scores of a network are: logits, or what went through a Softmax or a sigmoid.
#include <doctest/doctest.h>

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

Op sigmoid() {
  Function function;
  function.kind = FunctionKind::kSigmoid;
  return function;
}

}  // namespace

TEST_CASE("a softmax at the end gives probabilities whatever moves or stores them afterwards") {
  CHECK(kind_of({Softmax{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Activation{}, Softmax{}, Flatten{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Softmax{}, Quantize{}, Dequantize{}}) == ScoreKind::kProbabilities);
  CHECK(kind_of({Softmax{}, Reshape{{2, 5, 1}}, Identity{}}) == ScoreKind::kProbabilities);
}

TEST_CASE("a sigmoid at the end gives each class a probability of its own") {
  CHECK(kind_of({sigmoid()}) == ScoreKind::kIndependent);
  CHECK(kind_of({sigmoid(), Quantize{}, Dequantize{}, Flatten{}}) == ScoreKind::kIndependent);
  CHECK(kind_of({sigmoid(), Activation{}}) == ScoreKind::kLogits);
}

TEST_CASE("scores that something computes after a softmax or without one are not taken for probabilities") {
  CHECK(kind_of({}) == ScoreKind::kLogits);
  CHECK(kind_of({Activation{}}) == ScoreKind::kLogits);
  CHECK(kind_of({LogSoftmax{}}) == ScoreKind::kLogits);  // its softmax is the probabilities
  CHECK(kind_of({Softmax{}, Activation{}}) == ScoreKind::kLogits);
  Function elu;
  elu.kind = FunctionKind::kElu;
  CHECK(kind_of({Softmax{}, elu}) == ScoreKind::kLogits);
  // What no validation has seen must not send it in a circle.
  Graph circle = chain({Flatten{}, Identity{}});
  circle.nodes[0].inputs[0] = circle.output;
  CHECK(score_kind(circle) == ScoreKind::kLogits);
  CHECK(score_kind(Graph{}) == ScoreKind::kLogits);
}
