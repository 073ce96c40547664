// The float executor: arithmetic with broadcasting, functions, movement, and pre-quantized networks.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "floating/float_executor.h"
#include "floating/float_functions.h"
#include "tests/floating/check_float_executor.h"
#include "tests/support/data.h"
#include "tests/support/graph/functions.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::check_against_naive;
using testing::GraphBuilder;
using testing::window;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("float executor broadcasts either input over any dimensions") {
  unsigned seed = testing::seed();
  const std::vector<TensorShape> shapes = {{5, 4, 6}, {1, 1, 6}, {5, 4, 1}, {1, 4, 6}, {5, 1, 1}, {1, 1, 1}};
  for (const TensorShape& small : shapes) {
    for (const Op& op : std::vector<Op>{Add{}, Subtract{}, Multiply{}, Maximum{}, Minimum{}}) {
      for (const Clamp& clamp : {Clamp{}, GraphBuilder::kRelu, Clamp{-0.25F, 0.5F}}) {
        for (const bool swapped : {false, true}) {
          CAPTURE(op_name(op));
          CAPTURE(small.height);
          CAPTURE(small.channels);
          GraphBuilder b(++seed, {5, 4, 6});
          const ValueId part = b.node("part", Slice{{0, 0, 0}, small}, {b.input()});
          const std::vector<ValueId> inputs = swapped ? std::vector{part, b.input()} : std::vector{b.input(), part};
          check_against_naive(b.finish(b.node("y", op, inputs, clamp)), seed);
        }
      }
    }
  }
  // Neither input has the output's shape.
  GraphBuilder b(++seed, {5, 4, 6});
  const ValueId column = b.node("column", Slice{{0, 1, 0}, {5, 1, 6}}, {b.input()});
  const ValueId row = b.node("row", Slice{{2, 0, 3}, {1, 4, 1}}, {b.input()});
  check_against_naive(b.finish(b.node("y", Subtract{}, {column, row})), seed);
}

TEST_CASE("float executor computes every function on extremes and random numbers") {
  unsigned seed = testing::seed();
  for (const FunctionKind kind : testing::all_functions()) {
    // Powers of two: the function is given the same number in both precisions.
    for (const float scale : {1.0F, 0x1p-100F, 0x1p+6F, 0x1p+10F}) {
      GraphBuilder b(++seed, {3, 4, 6});
      const ValueId x = b.node(
          "scaled", Multiply{},
          {b.input(), b.clamp("scale", b.node("one", Slice{{0, 0, 0}, {1, 1, 1}}, {b.input()}), {scale, scale})});
      const ValueId inside = b.clamp("inside", x, testing::domain_of(kind));
      check_against_naive(b.finish(b.function("f", inside, kind, 1.0F / 6, 0.5F)), seed);
    }
  }
}

TEST_CASE("float executor moves elements") {
  unsigned seed = testing::seed();
  std::array<int, 3> order{0, 1, 2};
  do {
    GraphBuilder b(++seed, {3, 5, 4});
    check_against_naive(b.finish(b.node("t", Transpose{order}, {b.input()})), seed);
  } while (std::next_permutation(order.begin(), order.end()));
  for (const Padding pad : {Padding{0, 0, 0, 0}, Padding{1, 2, 3, 4}, Padding{0, 0, 0, 2}, Padding{5, 0, 0, 0}}) {
    GraphBuilder b(++seed, {3, 5, 4});
    check_against_naive(b.finish(b.node("p", Pad{pad}, {b.input()})), seed);
  }
  for (const Slice& slice : {Slice{{0, 0, 0}, {3, 5, 4}}, Slice{{2, 4, 3}, {1, 1, 1}}, Slice{{1, 2, 1}, {2, 2, 3}}}) {
    GraphBuilder b(++seed, {3, 5, 4});
    check_against_naive(b.finish(b.node("s", slice, {b.input()})), seed);
  }
  // A channel shuffle, and a Reshape whose input lives on.
  GraphBuilder b(++seed, {3, 5, 8});
  ValueId x = b.convolution("c", b.input(), 8);
  const ValueId grouped = b.node("grouped", Reshape{{15, 2, 4}}, {x});
  const ValueId shuffled = b.node("shuffled", Transpose{{0, 2, 1}}, {grouped});
  const ValueId back = b.node("back", Reshape{{3, 5, 8}}, {shuffled});
  check_against_naive(b.finish(b.node("sum", Add{}, {back, x})), seed);
}

TEST_CASE("float executor computes softmax of one channel and of large numbers") {
  unsigned seed = testing::seed();
  for (const std::int64_t channels : {1, 2, 10}) {
    for (const float scale : {1.0F, 512.0F}) {  // exact, see above
      GraphBuilder b(++seed, {2, 3, channels});
      const Clamp large{scale, scale};
      const ValueId factor = b.clamp("s", b.node("one", Slice{{0, 0, 0}, {1, 1, 1}}, {b.input()}), large);
      const ValueId x = b.node("x", Multiply{}, {b.input(), factor});
      check_against_naive(b.finish(b.node("softmax", Softmax{}, {x})), seed);
      check_against_naive(b.finish(b.node("log", LogSoftmax{}, {x})), seed);
    }
  }
}

TEST_CASE("float executor normalises across channels with windows of every size") {
  unsigned seed = testing::seed();
  for (const int size : {1, 2, 5, 6, 40}) {
    GraphBuilder b(++seed, {2, 3, 7});
    check_against_naive(b.finish(b.node("lrn", Lrn{size, 0.5F, 0.75F, 1.5F}, {b.input()})), seed);
  }
}

TEST_CASE("float executor normalises the channels of each pixel") {
  unsigned seed = testing::seed();
  for (std::int64_t channels = 1; channels <= 9; ++channels) {
    const auto count = static_cast<std::size_t>(channels);
    GraphBuilder b(++seed, {2, 3, channels});
    const LayerNorm norm{b.random(count, -2, 2), b.random(count, -2, 2), channels % 2 == 0 ? 1e-5F : 0.5F};
    check_against_naive(b.finish(b.node("norm", norm, {b.input()})), seed);
  }
}

TEST_CASE("fake quantization rounds halves to even and clamps and turns NaN into the lowest level") {
  const Quantization q{0.5F, 10, {4, 14}};
  const std::vector<float> x = {0.0F,  0.25F, 0.75F,     -0.25F,     -0.75F,
                                1.99F, 2.3F,  kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(),
                                -3.0F, 1e38F};
  const std::vector<float> want = {0, 0, 1, 0, -1, 2, 2, 2, -3, -3, -3, 2};
  std::vector<float> y(x.size());
  fake_quantize(x.data(), y.data(), static_cast<std::int64_t>(x.size()), q);
  CHECK(y == want);
}

TEST_CASE("float executor simulates the quantization of a pre-quantized network") {
  for (unsigned seed = testing::seed(); seed < testing::seed() + 5; ++seed) {
    GraphBuilder b(seed, {8, 8, 4});
    // Scales are powers of two and the operators between are lossless, so single precision rounds as double does.
    const ValueId q = b.quantize("q", b.input(), {0.0625F, 100, {80, 120}});
    ValueId x = b.lossless("pool", MaxPool{window(3, 2, 1)}, q);
    x = b.lossless("pad", Pad{{1, 0, 0, 1}}, x);
    x = b.lossless("transpose", Transpose{{2, 0, 1}}, x);
    const ValueId again = b.lossless("again", Activation{}, x);
    Graph graph =
        b.finish(b.node("sum", Add{}, {b.node("d1", Dequantize{}, {x}), b.node("d2", Dequantize{}, {again})}));
    graph.value(again).quantization = Quantization{0.25F, 3, {0, 7}};
    REQUIRE(validate(graph).ok());
    check_against_naive(graph, seed);
  }
}

}  // namespace narrow::graph
