// Activations become clamps of the layers before them.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "rewrites/fuse_activations.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/check_same_function.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::check_simplify;
using narrow::testing::count;
using narrow::testing::GraphBuilder;
using narrow::testing::node_named;
using narrow::testing::window;

namespace {
const TensorShape kInput{6, 5, 4};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
}  // namespace

TEST_CASE("ReLU fuses into convolution and linear and addition") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId c1 = b.relu("r1", b.convolution("c1", b.input(), 4));
  const ValueId sum = b.relu("r2", b.node("add", Add{}, {c1, b.input()}));
  std::string log;
  const Graph graph = check_simplify(b.finish(b.clamp("r3", b.linear("fc", sum, 3), GraphBuilder::kRelu6)), &log);
  CHECK(graph.nodes.size() == 3);
  CHECK(node_named(graph, "c1").clamp == GraphBuilder::kRelu);
  CHECK(node_named(graph, "add").clamp == GraphBuilder::kRelu);
  CHECK(node_named(graph, "fc").clamp == GraphBuilder::kRelu6);
  CHECK(log ==
        "fused ReLU 'r1' into convolution 'c1'\nfused ReLU 'r2' into addition 'add'\n"
        "fused ReLU6 'r3' into linear layer 'fc'\n");
}

TEST_CASE("stacked activations intersect and disjoint ones become a constant") {
  struct Case {
    Clamp first, second, expected;
  };
  for (const Case& c : {Case{{0, kInfinity}, {-kInfinity, 6}, {0, 6}}, Case{{0, 6}, {-1, 3}, {0, 3}},
                        Case{{2, 3}, {0, 1}, {1, 1}}, Case{{0, 1}, {2, 3}, {2, 2}}}) {
    for (const bool with_layer : {true, false}) {
      GraphBuilder b(testing::seed(), kInput);
      const ValueId x = with_layer ? b.convolution("c", b.input(), 4) : b.input();
      const Graph graph = check_simplify(b.finish(b.clamp("second", b.clamp("first", x, c.first), c.second)));
      REQUIRE(graph.nodes.size() == 1);
      CHECK(graph.nodes[0].clamp == c.expected);
    }
  }
}

TEST_CASE("an activation of the input stays a node") {
  GraphBuilder b(testing::seed(), kInput);
  const Graph graph = check_simplify(b.finish(b.convolution("c", b.relu("relu", b.input()), 3)));
  CHECK(count<Activation>(graph) == 1);
}

TEST_CASE("an activation of a value with other readers stays a node") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.convolution("c", b.input(), 4);
  const Graph graph = check_simplify(b.finish(b.node("add", Add{}, {b.relu("relu", x), x})));
  CHECK(count<Activation>(graph) == 1);
  CHECK(node_named(graph, "c").clamp.is_identity());
}

TEST_CASE("an activation after the graph output does not change it") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.convolution("c", b.input(), 4);
  (void)b.relu("unread", x);
  Graph graph = b.finish(x);
  CHECK(fuse_activations(graph).empty());
  CHECK(node_named(graph, "c").clamp.is_identity());
}

TEST_CASE("an activation moves before max pooling and flatten and identity") {
  GraphBuilder b(testing::seed(), kInput);
  ValueId x = b.node("pool", MaxPool{window(3, 2, 1)}, {b.convolution("c", b.input(), 4)});
  x = b.node("flatten", Flatten{}, {b.node("dropout", Identity{}, {x})});
  Graph graph = b.finish(b.relu("relu", x));
  const Graph original = graph;
  CHECK(fuse_activations(graph).size() == 1);
  CHECK(count<Activation>(graph) == 0);
  CHECK(node_named(graph, "c").clamp == GraphBuilder::kRelu);
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("an activation does not move before average pooling") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.convolution("c", b.input(), 4);
  const Graph graph = check_simplify(b.finish(b.relu("relu", b.node("gap", GlobalAveragePool{}, {x}))));
  CHECK(count<Activation>(graph) == 1);
}

TEST_CASE("an activation moves into all branches of a concatenation or none") {
  for (const bool all : {true, false}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId left = b.convolution("left", b.input(), 4);
    const ValueId right = all ? b.convolution("right", b.input(), 2) : b.input();
    const Graph graph = check_simplify(b.finish(b.relu("relu", b.node("concat", Concat{}, {left, right}))));
    CHECK(count<Activation>(graph) == (all ? 0 : 1));
    CHECK(node_named(graph, "left").clamp.is_identity() == !all);
  }
}

TEST_CASE("an activation moves before padded channels only when zero is in its range") {
  for (const float lo : {0.0F, 0.5F}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId padded = b.node("pad", PadChannels{1, 2}, {b.convolution("c", b.input(), 4)});
    const Graph graph = check_simplify(b.finish(b.clamp("clip", padded, {lo, 2.0F})));
    CHECK(count<Activation>(graph) == (lo == 0 ? 0 : 1));
  }
}
