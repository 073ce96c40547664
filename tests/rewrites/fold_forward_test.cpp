// BatchNorm folding into what comes after.
#include <doctest/doctest.h>

#include "tests/rewrites/check_folding.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::average;
using narrow::testing::check_all_fold;
using narrow::testing::check_some_stay;
using narrow::testing::GraphBuilder;
using narrow::testing::kFoldInput;
using narrow::testing::node_named;
using narrow::testing::window;

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

TEST_CASE("batch norm of a flattened image folds forward but not back into a convolution") {
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

TEST_CASE("batch norm folds forward through max pooling") {
  check_all_fold([](GraphBuilder& b) {
    return b.convolution("c", b.node("pool", MaxPool{window(3, 2, 1)}, {b.batch_norm("bn", b.input(), true)}), 3,
                         window(1));
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
  GraphBuilder b(testing::seed(), kFoldInput);
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

TEST_CASE("batch norm after a ReLU folds forward past it") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId x = b.convolution("c1", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
    return b.convolution("c2", b.batch_norm("bn", x), 3, window(3));
  });
}
