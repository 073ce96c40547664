// BatchNorm folding around clamps, at the ends of the number range, and on hostile graphs.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "graph/limits.h"
#include "rewrites/fold_batch_norms.h"
#include "rewrites/simplify.h"
#include "tests/rewrites/check_folding.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::check_all_fold;
using narrow::testing::check_simplify;
using narrow::testing::check_some_stay;
using narrow::testing::count;
using narrow::testing::GraphBuilder;
using narrow::testing::kFoldInput;
using narrow::testing::node_named;
using narrow::testing::window;

TEST_CASE("several batch norms round to float only once") {
  GraphBuilder b(testing::seed(), kFoldInput);
  ValueId x = b.convolution("c", b.input(), 1, window(1));
  // 1/3 and 3 in sequence: rounding in between would miss the original weights.
  for (int i = 0; i < 8; ++i) x = b.affine("bn" + std::to_string(i), x, i % 2 == 0 ? 0.1F : 10.0F, 0.0F);
  Graph graph = b.finish(x);
  const auto before = filter_of(graph.nodes[0])->weights;
  double factor = 1;
  for (int i = 0; i < 4; ++i) factor *= double{0.1F} * double{10.0F};
  REQUIRE(fold_batch_norms(graph).ok());
  REQUIRE(graph.nodes.size() == 1);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(filter_of(graph.nodes[0])->weights[i] == doctest::Approx(before[i] * factor).epsilon(6e-8));
  }
}

TEST_CASE("batch norm of a residual network before activation stays and takes the activation") {
  const Graph graph = check_some_stay(
      [](GraphBuilder& b) {
        const ValueId x = b.node("add", Add{}, {b.convolution("c1", b.input(), 4, window(1)), b.input()});
        const ValueId y = b.relu("relu", b.batch_norm("bn", x));
        return b.node("out", Add{}, {b.convolution("c2", y, 4, window(3, 1, 1)), x});
      },
      1);
  CHECK(count<Activation>(graph) == 0);
  CHECK(node_named(graph, "bn").clamp == GraphBuilder::kRelu);
}

TEST_CASE("batch norm folds back through a clamp that has an image") {
  // A positive scale without shift commutes with ReLU.
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("c", b.input(), 4, window(3), 1, GraphBuilder::kRelu);
    return b.affine("bn", x, 0.6F, 0.0F);
  });
  // One affine for all channels moves the bounds; a negative one swaps them.
  for (const float scale : {0.5F, -0.5F}) {
    GraphBuilder b(testing::seed(), kFoldInput);
    const ValueId x = b.convolution("c", b.input(), 4, window(3), 1, GraphBuilder::kRelu6);
    const Graph graph = check_simplify(b.finish(b.affine("bn", x, scale, 1.0F)));
    REQUIRE(graph.nodes.size() == 1);
    CHECK(graph.nodes[0].clamp == (scale > 0 ? Clamp{1.0F, 4.0F} : Clamp{-2.0F, 1.0F}));
  }
  check_all_fold([](GraphBuilder& b) {
    const ValueId left = b.convolution("left", b.input(), 3, window(1));
    const ValueId right = b.convolution("right", b.input(), 3, window(1));
    return b.affine("bn", b.node("add", Add{}, {left, right}, GraphBuilder::kRelu6), -2.0F, 0.25F);
  });
  // Signs that differ between channels turn some of the ranges around.
  check_some_stay(
      [](GraphBuilder& b) {
        BatchNorm op;
        op.gamma = {0.5F, -0.5F, 2.0F, 1.0F};
        op.beta = op.mean = {0.0F, 0.0F, 0.0F, 0.0F};
        op.variance = {1.0F, 1.0F, 1.0F, 1.0F};
        return b.node("bn", op, {b.convolution("c", b.input(), 4, window(3), 1, GraphBuilder::kRelu)});
      },
      1);
  // ReLU6 with a different scale per channel has no common bound.
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId x = b.convolution("c", b.input(), 4, window(3), 1, GraphBuilder::kRelu6);
        return b.batch_norm("bn", x, true);
      },
      1);
}

TEST_CASE("a scale folds forward through an activation") {
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.relu("relu", b.affine("bn", b.input(), 0.3F, 0.0F)), 3, window(3, 1, 1));
  });
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.clamp("clip", b.affine("bn", b.input(), -0.3F, 0.5F), {0.1F, 0.9F}), 3, window(3));
  });
}

TEST_CASE("batch norm after a value that is the graph output leaves it alone") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const ValueId x = b.convolution("c", b.input(), 3);
  const ValueId y = b.batch_norm("bn", x);
  b.convolution("unread", y, 2);
  Graph graph = b.finish(x);
  const Graph original = graph;
  REQUIRE(fold_batch_norms(graph).ok());
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("batch norm that makes the graph output does not move into what else reads it") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const ValueId y = b.batch_norm("bn", b.input());
  b.convolution("unread", y, 2);
  Graph graph = b.finish(y);
  const auto log = fold_batch_norms(graph);
  REQUIRE(log.ok());
  CHECK(log->empty());
  CHECK(count<BatchNorm>(graph) == 1);
}

TEST_CASE("a graph of one batch norm becomes one depthwise convolution") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const Graph graph = check_simplify(b.finish(b.batch_norm("bn", b.input())));
  REQUIRE(graph.nodes.size() == 1);
  CHECK(std::holds_alternative<Convolution>(graph.nodes[0].op));
}

TEST_CASE("zero and negative gammas fold exactly") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const ValueId x = b.convolution("c", b.input(), 3, window(1));
  BatchNorm op;
  op.gamma = {0.0F, -2.0F, -0.0F};
  op.beta = {1.5F, 0.0F, 0.0F};
  op.mean = {100.0F, 0.0F, 5.0F};
  op.variance = {1.0F, 1.0F, 0.0F};
  op.epsilon = 1e-3;
  const Graph graph = check_simplify(b.finish(b.node("bn", op, {x})));
  const Filter& filter = *filter_of(graph.nodes[0]);
  for (std::size_t i = 0; i < 4; ++i) CHECK(filter.weights[i] == 0);
  CHECK(filter.bias[0] == 1.5F);
  CHECK(filter.bias[2] == 0);
}

TEST_CASE("a tiny variance is divided by in double") {
  GraphBuilder b(testing::seed(), {1, 1, 1});
  const ValueId x = b.convolution("c", b.input(), 1);
  BatchNorm op;
  op.gamma = {1e-20F};
  op.beta = {0.0F};
  op.mean = {0.0F};
  op.variance = {1e-42F};  // not a normal float
  op.epsilon = 0;
  Graph graph = b.finish(b.node("bn", op, {x}));
  const float before = filter_of(graph.nodes[0])->weights[0];
  REQUIRE(simplify(graph).ok());
  const double scale = double{1e-20F} / std::sqrt(double{1e-42F});
  CHECK(filter_of(graph.nodes[0])->weights[0] == static_cast<float>(before * scale));
}

TEST_CASE("batch norms that can not be computed are errors that name them") {
  struct Case {
    float gamma, variance;
    double epsilon;
  };
  for (const Case& bad : {Case{1.0F, -1.0F, 1e-5}, Case{1.0F, 0.0F, 0.0}, Case{1.0F, 1.0F, -1.0},
                          Case{1.0F, std::numeric_limits<float>::infinity(), 1e-5},
                          Case{std::numeric_limits<float>::quiet_NaN(), 1.0F, 1e-5}}) {
    GraphBuilder b(testing::seed(), {1, 1, 1});
    const ValueId x = b.convolution("c", b.input(), 1);
    BatchNorm op;
    op.gamma = {bad.gamma};
    op.beta = op.mean = {0.0F};
    op.variance = {bad.variance};
    op.epsilon = bad.epsilon;
    Graph graph = b.finish(b.node("the_norm", op, {x}));
    const auto result = simplify(graph);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::kMalformed);
    CHECK(result.error().where == "the_norm");
    CHECK(result.error().message.find("the_norm") != std::string::npos);
  }
}

TEST_CASE("folding that leaves the range of float is an error that names the layer") {
  for (const bool into_convolution : {true, false}) {
    GraphBuilder b(testing::seed(), {1, 1, 1});
    const ValueId x = into_convolution ? b.convolution("layer", b.input(), 1) : b.input();
    ValueId y = b.affine("bn1", x, 1e30F, 0.0F);
    y = b.affine("bn2", y, 1e30F, 0.0F);
    Graph graph = b.finish(y);
    const auto result = simplify(graph);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().where == (into_convolution ? "layer" : "bn2"));
  }
}

TEST_CASE("the log says what was folded into what") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const ValueId left = b.convolution("left", b.input(), 3);
  const ValueId right = b.convolution("right", b.input(), 3);
  const ValueId sum = b.batch_norm("bn1", b.node("add", Add{}, {left, right}));
  std::string log;
  (void)check_simplify(b.finish(b.convolution("last", b.relu("relu", sum), 2)), &log);
  CHECK(log ==
        "folded batch norm 'bn1' into convolution 'left', convolution 'right'\n"
        "fused ReLU 'relu' into addition 'add'\n");
}

TEST_CASE("a search for a place to fold is bounded on hostile graphs") {
  // Each stage doubles the number of ways from the batch norm to the end.
  GraphBuilder b(testing::seed(), {1, 1, 1});
  ValueId x = b.batch_norm("bn", b.input());
  for (int i = 0; i < 14; ++i) {
    const std::string stage = std::to_string(i);
    const ValueId left = b.node("l" + stage, AveragePool{}, {x});
    const ValueId right = b.node("r" + stage, AveragePool{}, {x});
    x = b.node("c" + stage, Concat{}, {left, right});
  }
  Graph graph = b.finish(b.linear("fc", x, 1));
  const Graph original = graph;
  REQUIRE(fold_batch_norms(graph).ok());
  CHECK(testing::largest_difference(original, graph) < 1e-5);

  // As deep a chain as a graph may have.
  GraphBuilder deep(testing::seed(), {1, 1, 1});
  ValueId y = deep.convolution("c", deep.input(), 1);
  Graph chain = deep.finish(y);
  for (std::size_t i = 0; i + 2 < kMaxNodes; ++i) {
    chain.values.push_back(Value{"i" + std::to_string(i), {1, 1, 1}, std::nullopt});
    Node node;
    node.name = chain.values.back().name;
    node.op = Identity{};
    node.inputs = {y};
    node.output = y = static_cast<ValueId>(chain.values.size() - 1);
    chain.nodes.push_back(node);
  }
  BatchNorm op;
  op.gamma = op.beta = op.mean = op.variance = {1.0F};
  chain.output = chain.add_node("bn", op, {y}).value();
  REQUIRE(fold_batch_norms(chain).ok());
  CHECK(count<BatchNorm>(chain) == 1);
  // With the identities gone there is nothing left to search.
  REQUIRE(simplify(chain).ok());
  CHECK(chain.nodes.size() == 1);
}
