#include "floating/float_executor.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/floating/check_float_executor.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::check_against_naive;
using testing::GraphBuilder;
using testing::same_bytes;
using testing::to_float;
using testing::window;

std::vector<float> run(const Graph& graph, const std::vector<float>& input, int threads = 1) {
  FloatExecutor executor = FloatExecutor::create(graph, threads).value();
  std::vector<float> output(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  executor.run(input, output).value();
  return output;
}

Window odd_window() {
  Window w;
  w.kernel_h = 3;
  w.kernel_w = 2;
  w.stride_h = 2;
  w.stride_w = 1;
  w.dilation_h = 1;
  w.dilation_w = 3;
  w.pad = Padding{0, 1, 2, 3};
  return w;
}

}  // namespace

TEST_CASE("float executor computes convolutions of every kind") {
  unsigned seed = testing::seed();
  const std::vector<Clamp> clamps = {{},
                                     GraphBuilder::kRelu,
                                     GraphBuilder::kRelu6,
                                     {-0.5F, 0.25F},
                                     {-std::numeric_limits<float>::infinity(), 0.5F},
                                     {-1.0F, std::numeric_limits<float>::infinity()}};
  const std::vector<Window> windows = {window(1),       window(1, 2),    window(3, 1, 1),
                                       window(3, 2, 1), window(5, 1, 4), odd_window()};
  struct Channels {
    int in, out, groups;
  };
  // Plain, odd, one channel, grouped, depthwise, depthwise with two outputs each.
  for (const Channels& c :
       std::vector<Channels>{{3, 16, 1}, {5, 7, 1}, {1, 1, 1}, {12, 8, 4}, {16, 16, 16}, {3, 6, 3}}) {
    for (const Window& w : windows) {
      for (const Clamp& clamp : clamps) {
        CAPTURE(c.in);
        CAPTURE(c.groups);
        CAPTURE(w.kernel_h);
        CAPTURE(clamp.hi);
        GraphBuilder builder(++seed, {7, 9, c.in});
        const ValueId y = builder.convolution("conv", builder.input(), c.out, w, c.groups, clamp);
        check_against_naive(builder.finish(y), seed);
      }
    }
  }
}

TEST_CASE("float executor pads bottom and right only as TensorFlow does") {
  Window w = window(3, 2);
  w.pad = Padding{0, 0, 1, 1};
  GraphBuilder builder(testing::seed(), {8, 8, 3});
  check_against_naive(builder.finish(builder.convolution("conv", builder.input(), 8, w)), testing::seed());
}

TEST_CASE("float executor computes an image of one pixel and a deep sum") {
  GraphBuilder one(testing::seed(), {1, 1, 1});
  check_against_naive(one.finish(one.convolution("conv", one.input(), 1, window(3, 1, 1))), 1);
  GraphBuilder deep(testing::seed(), {6, 5, 70});
  check_against_naive(deep.finish(deep.linear("fc", deep.input(), 10)), 2);
}

TEST_CASE("float executor computes pools of every kind") {
  unsigned seed = testing::seed();
  Window dilated = window(2, 2, 1);
  dilated.dilation_h = 2;
  Window one_sided = window(3, 2);
  one_sided.pad = Padding{0, 1, 2, 0};
  for (const TensorShape shape : {TensorShape{7, 9, 5}, TensorShape{8, 8, 16}, TensorShape{2, 3, 1}}) {
    for (const Window& w : {window(1, 2), window(2, 2), window(3, 2, 1), one_sided, dilated}) {
      if (!infer_shape(MaxPool{w}, {shape}).ok()) continue;
      GraphBuilder builder(++seed, shape);
      check_against_naive(builder.finish(builder.node("max", MaxPool{w}, {builder.input()})), seed);
      if (w.dilation_h != 1) continue;
      for (const bool include : {false, true}) {
        GraphBuilder average(++seed, shape);
        check_against_naive(average.finish(average.node("average", AveragePool{w, include}, {average.input()})), seed);
      }
    }
    GraphBuilder global(++seed, shape);
    check_against_naive(global.finish(global.node("gap", GlobalAveragePool{}, {global.input()})), seed);
  }
}

TEST_CASE("float executor runs a network with every operator and dead branches") {
  for (unsigned seed = testing::seed(); seed < testing::seed() + 5; ++seed) {
    GraphBuilder b(seed, {12, 10, 3});
    const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
    b.convolution("dead", stem, 4);
    const ValueId branch = b.convolution("branch", stem, 8, window(3, 1, 1), 8);
    const ValueId sum = b.node("sum", Add{}, {stem, branch}, GraphBuilder::kRelu6);
    const ValueId twice = b.node("twice", Add{}, {sum, sum});
    const ValueId act = b.clamp("act", twice, {0.25F, 4.0F});
    const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {act});
    const ValueId average = b.node("average", AveragePool{window(3, 2, 1), false}, {sum});
    const ValueId padded = b.node("padded", PadChannels{2, 3}, {average});
    const ValueId concat = b.node("concat", Concat{}, {pool, padded, pool});
    const ValueId same = b.node("same", Identity{}, {concat});
    const ValueId flat = b.node("flat", Flatten{}, {same});
    const ValueId gap = b.node("gap", GlobalAveragePool{}, {same});
    const ValueId fc = b.linear("fc", flat, 11);
    const ValueId fc2 = b.linear("fc2", gap, 11);
    const ValueId out = b.node("out", Add{}, {fc, fc2});
    check_against_naive(b.finish(out), seed);
  }
}

TEST_CASE("float executors side by side and with several threads agree") {
  GraphBuilder b(testing::seed(), {16, 16, 3});
  ValueId x = b.convolution("a", b.input(), 16, window(3, 1, 1), 1, GraphBuilder::kRelu);
  x = b.convolution("b", x, 16, window(3, 2, 1), 1, GraphBuilder::kRelu);
  x = b.node("gap", GlobalAveragePool{}, {x});
  const Graph graph = b.finish(b.linear("fc", x, 10));
  const std::vector<float> input = to_float(testing::random_input(graph, 3));
  const std::vector<float> alone = run(graph, input);
  std::vector<std::vector<float>> results(4);
  {
    std::vector<std::jthread> pool;
    for (auto& result : results) {
      pool.emplace_back([&] {
        for (int i = 0; i < 20; ++i) result = run(graph, input);
      });
    }
  }
  for (const auto& result : results) CHECK(same_bytes(result, alone));
  const std::vector<float> two = run(graph, input, 2);
  for (std::size_t i = 0; i < two.size(); ++i) CHECK(two[i] == doctest::Approx(alone[i]).epsilon(1e-5));
  CHECK(same_bytes(two, run(graph, input, 2)));
}

TEST_CASE("float executor refuses what it cannot run and names it") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4);
  const Graph plain = b.finish(conv);
  const Graph normed = b.finish(b.batch_norm("norm", conv));
  const auto refused = FloatExecutor::create(normed);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(refused.error().where == "norm");
  CHECK(FloatExecutor::create(plain, 0).error().where == "threads");

  FloatExecutor executor = FloatExecutor::create(plain).value();
  std::vector<float> input(48);
  std::vector<float> output(64);
  CHECK(executor.run(input, output).ok());
  input.pop_back();
  CHECK(executor.run(input, output).error().where == "input");
  input.push_back(0);
  output.pop_back();
  CHECK(executor.run(input, output).error().where == "conv");
}

}  // namespace narrow::graph
