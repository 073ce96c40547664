// Telling scores that went through a Softmax from those that did not.
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

}  // namespace

TEST_CASE("a softmax at the end gives probabilities whatever moves or stores them afterwards") {
  CHECK(gives_probabilities(chain({Softmax{}})));
  CHECK(gives_probabilities(chain({Activation{}, Softmax{}, Flatten{}})));
  CHECK(gives_probabilities(chain({Softmax{}, Quantize{}, Dequantize{}})));
  CHECK(gives_probabilities(chain({Softmax{}, Reshape{{2, 5, 1}}, Identity{}})));
}

TEST_CASE("scores that something computes after a softmax or without one are not taken for probabilities") {
  CHECK_FALSE(gives_probabilities(chain({})));
  CHECK_FALSE(gives_probabilities(chain({Activation{}})));
  CHECK_FALSE(gives_probabilities(chain({Softmax{}, Activation{}})));
  CHECK_FALSE(gives_probabilities(chain({Softmax{}, Function{}})));
  // What no validation has seen must not send it in a circle.
  Graph circle = chain({Flatten{}, Identity{}});
  circle.nodes[0].inputs[0] = circle.output;
  CHECK_FALSE(gives_probabilities(circle));
  Graph nothing;
  CHECK_FALSE(gives_probabilities(nothing));
}
