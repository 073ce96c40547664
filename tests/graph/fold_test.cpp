// BatchNorm folding: every order that is possible, and none that is not.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "graph/passes/fold_batch_norms.h"
#include "graph/passes/simplify.h"
#include "tests/graph/check_same_function.h"
#include "tests/graph/naive_evaluator.h"
#include "tests/graph/random_graph.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::check_simplify;
using narrow::testing::count;
using narrow::testing::GraphBuilder;
using narrow::testing::node_named;
using narrow::testing::window;

namespace {

const TensorShape kInput{6, 5, 4};

// Builds with several seeds; folds; all BatchNorms must be gone without a depthwise convolution in their place.
void check_all_fold(const std::function<ValueId(GraphBuilder&)>& build, TensorShape input = kInput) {
  for (unsigned i = 0; i < 4; ++i) {
    GraphBuilder builder(testing::seed() + i, input);
    const ValueId output = build(builder);
    const Graph original = builder.finish(output);
    REQUIRE(count<BatchNorm>(original) > 0);
    const Graph simplified = check_simplify(original);
    CHECK(count<Convolution>(simplified) == count<Convolution>(original));
  }
}

// As above, but exactly `left` BatchNorms must become depthwise convolutions.
Graph check_some_stay(const std::function<ValueId(GraphBuilder&)>& build, int left, TensorShape input = kInput) {
  GraphBuilder builder(testing::seed(), input);
  const ValueId output = build(builder);
  const Graph original = builder.finish(output);
  Graph simplified = check_simplify(original);
  CHECK(count<Convolution>(simplified) == count<Convolution>(original) + left);
  return simplified;
}

AveragePool average(int kernel, int stride, int pad, bool count_include_pad) {
  return AveragePool{window(kernel, stride, pad), count_include_pad};
}

}  // namespace

TEST_CASE("batch norm folds back into a convolution") {
  check_all_fold([](GraphBuilder& b) { return b.batch_norm("bn", b.convolution("c", b.input(), 6, window(3, 2, 1))); });
}

TEST_CASE("batch norm folds back into grouped and depthwise convolutions") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId grouped = b.batch_norm("bn1", b.convolution("c1", b.input(), 6, window(3, 1, 1), 2));
    return b.batch_norm("bn2", b.convolution("c2", grouped, 12, window(3, 1, 1), 6));
  });
}

TEST_CASE("batch norm folds back into a linear layer") {
  check_all_fold([](GraphBuilder& b) { return b.batch_norm("bn", b.linear("fc", b.input(), 7)); });
}

TEST_CASE("several batch norms in sequence fold into one convolution") {
  check_all_fold([](GraphBuilder& b) {
    ValueId x = b.convolution("c", b.input(), 6, window(3));
    for (int i = 0; i < 5; ++i) x = b.batch_norm("bn" + std::to_string(i), x);
    return x;
  });
}

TEST_CASE("several batch norms round to float only once") {
  GraphBuilder b(testing::seed(), kInput);
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

TEST_CASE("batch norm at the input folds forward into an unpadded convolution") {
  check_all_fold([](GraphBuilder& b) { return b.convolution("c", b.batch_norm("bn", b.input()), 3, window(3, 2)); });
}

TEST_CASE("batch norm folds forward into an unpadded grouped convolution") {
  check_all_fold([](GraphBuilder& b) { return b.convolution("c", b.batch_norm("bn", b.input()), 6, window(3), 2); });
}

TEST_CASE("batch norm with a shift before a padded convolution stays as a depthwise convolution") {
  const Graph graph = check_some_stay(
      [](GraphBuilder& b) { return b.convolution("c", b.batch_norm("bn", b.input()), 3, window(3, 1, 1)); }, 1);
  const auto& lowered = std::get<Convolution>(node_named(graph, "bn").op);
  CHECK(lowered.groups == 4);
  CHECK(lowered.window == Window{});
}

TEST_CASE("batch norm without a shift folds forward into a padded convolution") {
  check_all_fold(
      [](GraphBuilder& b) { return b.convolution("c", b.affine("bn", b.input(), -0.7F, 0.0F), 3, window(3, 1, 1)); });
}

TEST_CASE("batch norm folds forward into a linear layer over pixels") {
  check_all_fold([](GraphBuilder& b) { return b.linear("fc", b.batch_norm("bn", b.input()), 5); });
}

TEST_CASE("batch norm before global average pooling and linear folds forward") {
  check_all_fold([](GraphBuilder& b) {
    return b.linear("fc", b.node("gap", GlobalAveragePool{}, {b.batch_norm("bn", b.input())}), 5);
  });
}

TEST_CASE("batch norm folds forward through flatten into a linear layer") {
  check_all_fold(
      [](GraphBuilder& b) { return b.linear("fc", b.node("flatten", Flatten{}, {b.batch_norm("bn", b.input())}), 5); });
}

TEST_CASE("batch norm of a flattened picture folds forward but not back into a convolution") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId flat = b.node("flatten", Flatten{}, {b.convolution("c", b.input(), 2, window(3))});
    return b.linear("fc", b.batch_norm("bn", flat), 5);
  });
  check_some_stay(
      [](GraphBuilder& b) {
        return b.batch_norm("bn", b.node("flatten", Flatten{}, {b.convolution("c", b.input(), 2, window(3))}));
      },
      1);
}

TEST_CASE("a batch norm that is equal for all pixels folds back through flatten") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId flat = b.node("flatten", Flatten{}, {b.convolution("c", b.input(), 2, window(3))});
    return b.affine("bn", flat, -1.5F, 0.3F);
  });
}

TEST_CASE("batch norm after concatenation folds back into every branch") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId left = b.convolution("left", b.input(), 3, window(3, 1, 1));
    const ValueId right = b.convolution("right", b.input(), 5, window(1));
    return b.batch_norm("bn", b.node("concat", Concat{}, {left, right}));
  });
}

TEST_CASE("batch norm after concatenation with the input stays whole") {
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId left = b.convolution("left", b.input(), 3, window(3, 1, 1));
        return b.batch_norm("bn", b.node("concat", Concat{}, {left, b.input()}));
      },
      1);
}

TEST_CASE("batch norm before concatenation folds forward through it") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId both = b.node("concat", Concat{}, {b.input(), b.batch_norm("bn", b.input()), b.input()});
    return b.convolution("c", both, 3, window(3));
  });
}

TEST_CASE("batch norm that reaches one concatenation on two ways folds forward") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId y = b.batch_norm("bn", b.input());
    const ValueId pooled = b.node("average", average(1, 1, 0, false), {y});
    const ValueId smooth = b.node("smooth", average(3, 1, 1, false), {y});
    const ValueId inner = b.node("inner", Concat{}, {y, pooled, y});
    return b.convolution("c", b.node("outer", Concat{}, {inner, smooth}), 3, window(3));
  });
}

TEST_CASE("batch norm after a residual addition folds back into both branches") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId left = b.convolution("left", b.input(), 3, window(3, 1, 1));
    const ValueId right = b.convolution("right", b.input(), 3, window(1));
    return b.batch_norm("bn", b.node("add", Add{}, {left, right}));
  });
}

TEST_CASE("the shift of a batch norm takes the branch that has a place for it") {
  for (const bool swap : {false, true}) {
    check_all_fold([swap](GraphBuilder& b) {
      const ValueId plain = b.convolution("plain", b.input(), 5, window(1));
      const ValueId padded = b.node("pad", PadChannels{1, 1}, {b.convolution("inner", b.input(), 3, window(1))});
      return b.batch_norm("bn", b.node("add", Add{}, swap ? std::vector{plain, padded} : std::vector{padded, plain}));
    });
  }
}

TEST_CASE("batch norm after an addition with the input stays") {
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId left = b.convolution("left", b.input(), 4, window(3, 1, 1));
        return b.batch_norm("bn", b.node("add", Add{}, {left, b.input()}));
      },
      1);
}

TEST_CASE("batch norm folds back through max pooling only when no scale is negative") {
  check_all_fold([](GraphBuilder& b) {
    return b.batch_norm("bn", b.node("pool", MaxPool{window(3, 2, 1)}, {b.convolution("c", b.input(), 3, window(1))}),
                        true);
  });
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId pooled = b.node("pool", MaxPool{window(3, 2, 1)}, {b.convolution("c", b.input(), 3, window(1))});
        return b.affine("bn", pooled, -1.0F, 0.5F);
      },
      1);
}

TEST_CASE("batch norm folds forward through max pooling") {
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.node("pool", MaxPool{window(3, 2, 1)}, {b.batch_norm("bn", b.input(), true)}), 3,
                         window(1));
  });
}

TEST_CASE("batch norm folds back through average pooling unless padding counts") {
  for (const bool include : {false, true}) {
    const int pad = include ? 0 : 1;
    check_all_fold([=](GraphBuilder& b) {
      const ValueId x = b.convolution("c", b.input(), 3, window(1));
      return b.batch_norm("bn", b.node("pool", average(3, 2, pad, include), {x}));
    });
  }
  check_some_stay(
      [](GraphBuilder& b) {
        const ValueId x = b.convolution("c", b.input(), 3, window(1));
        return b.batch_norm("bn", b.node("pool", average(3, 2, 1, true), {x}));
      },
      1);
  // A scale alone does not mind zeros.
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("c", b.input(), 3, window(1));
    return b.affine("bn", b.node("pool", average(3, 2, 1, true), {x}), -2.0F, 0.0F);
  });
}

TEST_CASE("batch norm folds back through global average pooling and identity") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId pooled = b.node("gap", GlobalAveragePool{}, {b.convolution("c", b.input(), 3, window(3))});
    return b.batch_norm("bn", b.node("dropout", Identity{}, {pooled}));
  });
}

TEST_CASE("batch norm after padded channels folds back only without a shift there") {
  check_some_stay(
      [](GraphBuilder& b) {
        return b.batch_norm("bn", b.node("pad", PadChannels{2, 3}, {b.convolution("c", b.input(), 3, window(1))}));
      },
      1);
  check_all_fold([](GraphBuilder& b) {
    return b.affine("bn", b.node("pad", PadChannels{2, 3}, {b.convolution("c", b.input(), 3, window(1))}), -3.0F, 0.0F);
  });
}

TEST_CASE("batch norm before padded channels folds forward") {
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.node("pad", PadChannels{2, 1}, {b.batch_norm("bn", b.input())}), 3, window(3));
  });
}

TEST_CASE("batch norm with two readers folds into both or none") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId y = b.batch_norm("bn", b.input());
    const ValueId left = b.convolution("left", y, 3, window(3));
    const ValueId right = b.convolution("right", y, 3, window(3));
    return b.node("add", Add{}, {left, right});
  });
  const auto one_refuses = [](GraphBuilder& b) {
    const ValueId y = b.batch_norm("bn", b.input());
    const ValueId left = b.convolution("left", y, 3, window(3, 1, 1));
    const ValueId right = b.convolution("right", y, 3, window(1));
    return b.node("add", Add{}, {left, right});
  };
  const Graph graph = check_some_stay(one_refuses, 1);
  GraphBuilder b(testing::seed(), kInput);
  const Graph original = b.finish(one_refuses(b));
  CHECK(filter_of(node_named(graph, "right"))->weights == filter_of(node_named(original, "right"))->weights);
}

TEST_CASE("batch norm whose input has other readers does not change what they read") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("shared", b.input(), 4, window(1));
    const ValueId left = b.convolution("left", b.batch_norm("bn", x), 4, window(1));
    return b.node("add", Add{}, {left, x});
  });
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

TEST_CASE("batch norm behind a ReLU folds forward past it") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("c1", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
    return b.convolution("c2", b.batch_norm("bn", x), 3, window(3));
  });
}

TEST_CASE("batch norm folds back through a clamp that has an image") {
  // A positive scale without shift commutes with ReLU.
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("c", b.input(), 4, window(3), 1, GraphBuilder::kRelu);
    return b.affine("bn", x, 0.6F, 0.0F);
  });
  // One affine for all channels moves the bounds; a negative one swaps them.
  for (const float scale : {0.5F, -0.5F}) {
    GraphBuilder b(testing::seed(), kInput);
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

TEST_CASE("batch norm at the graph output folds back and the output follows") {
  GraphBuilder b(testing::seed(), kInput);
  const Graph graph = check_simplify(b.finish(b.batch_norm("bn", b.convolution("c", b.input(), 3))));
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.value(graph.output).name == "c");
}

TEST_CASE("batch norm after a value that is the graph output leaves it alone") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.convolution("c", b.input(), 3);
  const ValueId y = b.batch_norm("bn", x);
  b.convolution("unread", y, 2);
  Graph graph = b.finish(x);
  const Graph original = graph;
  REQUIRE(fold_batch_norms(graph).ok());
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("a graph of one batch norm becomes one depthwise convolution") {
  GraphBuilder b(testing::seed(), kInput);
  const Graph graph = check_simplify(b.finish(b.batch_norm("bn", b.input())));
  REQUIRE(graph.nodes.size() == 1);
  CHECK(std::holds_alternative<Convolution>(graph.nodes[0].op));
}

TEST_CASE("zero and negative gammas fold exactly") {
  GraphBuilder b(testing::seed(), kInput);
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
  GraphBuilder b(testing::seed(), kInput);
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

  // A chain deeper than any stack.
  GraphBuilder deep(testing::seed(), {1, 1, 1});
  ValueId y = deep.convolution("c", deep.input(), 1);
  Graph chain = deep.finish(y);
  for (int i = 0; i < 30000; ++i) {
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
