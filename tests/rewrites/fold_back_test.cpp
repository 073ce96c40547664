// BatchNorm folding into what comes before.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/rewrites/check_folding.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::average;
using narrow::testing::check_all_fold;
using narrow::testing::check_simplify;
using narrow::testing::check_some_stay;
using narrow::testing::GraphBuilder;
using narrow::testing::kFoldInput;
using narrow::testing::window;

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

TEST_CASE("batch norms fold back into a layer norm") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId norm = b.node("norm", LayerNorm{b.random(4, -2, 2), b.random(4, -2, 2), 0.25F}, {b.input()});
    return b.batch_norm("bn2", b.batch_norm("bn1", norm));
  });
}

TEST_CASE("several batch norms in sequence fold into one convolution") {
  check_all_fold([](GraphBuilder& b) {
    ValueId x = b.convolution("c", b.input(), 6, window(3));
    for (int i = 0; i < 5; ++i) x = b.batch_norm("bn" + std::to_string(i), x);
    return x;
  });
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

TEST_CASE("a branch that could take only a part of the shift takes none of it") {
  check_all_fold([](GraphBuilder& b) {
    const ValueId first = b.convolution("first", b.input(), 2, window(1));
    const ValueId padded = b.node("pad", PadChannels{1, 0}, {b.convolution("inner", b.input(), 2, window(1))});
    const ValueId left = b.node("concat", Concat{}, {first, padded});
    const ValueId right = b.convolution("right", b.input(), 5, window(1));
    return b.batch_norm("bn", b.node("add", Add{}, {left, right}));
  });
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

TEST_CASE("batch norm at the graph output folds back and the output follows") {
  GraphBuilder b(testing::seed(), kFoldInput);
  const Graph graph = check_simplify(b.finish(b.batch_norm("bn", b.convolution("c", b.input(), 3))));
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.value(graph.output).name == "c");
}
