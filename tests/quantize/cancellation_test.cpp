// Each step of quantizing that can take long, when it was cancelled.
#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/cancelled.h"
#include "floating/float_executor.h"
#include "floating/gradients/part_gradient.h"
#include "quantize/fit_to_training.h"
#include "quantize/mix_channels.h"
#include "quantize/rounding/covariance.h"
#include "quantize/rounding/problem.h"
#include "quantize/weight_quantization.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using base::CancelLatch;
using testing::GraphBuilder;
using testing::window;

bool is_cancelled(const Status& status) { return !status.ok() && status.error().code == ErrorCode::kCancelled; }

// Three layers, the last one alone in its block.
Graph chain() {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  ValueId x = b.convolution("a", b.input(), 6, window(3, 1, 1), 1, GraphBuilder::kRelu);
  x = b.convolution("b", x, 6, window(3, 1, 1), 1, GraphBuilder::kRelu);
  return b.finish(b.convolution("c", x, 6, window(1)));
}

// Inputs that say nothing about each other.
RoundingProblem diagonal_problem(std::size_t depth, std::size_t rows) {
  RoundingProblem problem;
  problem.depth = depth;
  problem.rows = rows;
  problem.range = QRange::weights(3);
  problem.gram.assign(depth * depth, 0);
  for (std::size_t i = 0; i < depth; ++i) problem.gram[i * depth + i] = 1 + static_cast<double>(i % 7);
  for (std::size_t i = 0; i < rows * depth; ++i) {
    problem.start.push_back(static_cast<double>(i * 37 % 101) / 100 - 0.5);
    problem.cross.push_back(problem.start.back() * problem.gram[(i % depth) * (depth + 1)]);
  }
  problem.least.assign(rows, 1e-12);
  return problem;
}

// [rows, depth] integers: the start by the scale, clamped. Of inputs that say nothing about each other nothing is
// better.
bool is_nearest(const RoundingProblem& problem, const RoundedRows& rounded) {
  for (std::size_t i = 0; i < rounded.weights.size(); ++i) {
    const double level = problem.start[i] / rounded.scales[i / problem.depth];
    if (std::abs(std::clamp(level, double(problem.range.lo), double(problem.range.hi)) - rounded.weights[i]) > 0.501) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("what was cancelled once stays cancelled for its work") {
  Cancellation cancellation;
  CancelLatch latch(&cancellation);
  CHECK_FALSE(latch.seen());
  CHECK(latch.status().ok());
  cancellation.cancel();
  // Nothing was left undone before it is seen.
  CHECK(latch.status().ok());
  CHECK(latch.seen());
  cancellation.reset();
  CHECK(latch.seen());
  CHECK(is_cancelled(latch.status()));
  CancelLatch never(nullptr);
  CHECK_FALSE(never.seen());
}

TEST_CASE("a float network ends between two layers and works again afterwards") {
  const Graph graph = chain();
  Cancellation cancellation;
  FloatExecutor executor = FloatExecutor::create(graph, {.cancellation = &cancellation}).value();
  const std::vector<float> input(8 * 8 * 3, 0.5F);
  std::vector<float> output(8 * 8 * 6);
  int values = 0;
  const Status ended = executor.run(input, output, [&](ValueId, std::span<const float>) {
    if (++values == 2) cancellation.cancel();  // after the input and the first layer
  });
  CHECK(is_cancelled(ended));
  CHECK(values == 2);
  CHECK(is_cancelled(executor.run(input, output)));
  const Result<FloatExecutor> refused = FloatExecutor::create(graph, {.cancellation = &cancellation});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kCancelled);
  cancellation.reset();
  executor.run(input, output).value();
  std::vector<float> expected(output.size());
  FloatExecutor::create(graph).value().run(input, expected).value();
  CHECK(output == expected);
}

TEST_CASE("gradients and the weights that they start from end between two nodes") {
  const Graph graph = chain();
  Cancellation cancellation;
  PartSetting setting{
      .nodes = {0, graph.nodes.size()}, .input = graph.input, .output = graph.output, .weights = {}, .grids = {}};
  setting.weights.assign(graph.nodes.size(), QRange{-127, 127});
  setting.grids.resize(graph.nodes.size());
  setting.cancellation = &cancellation;
  PartGradient part = PartGradient::create(graph, setting).value();
  std::vector<float> parameters(part.parameter_count(), 0.5F);
  std::vector<float> gradient(part.parameter_count());
  const std::vector<float> input(8 * 8 * 3, 0.5F);
  const std::vector<float> target(8 * 8 * 6, 0.5F);
  part.set(parameters).value();
  CHECK(part.run(0, input.data(), target.data(), 1, false, 1, gradient).ok());
  cancellation.cancel();
  CHECK(is_cancelled(part.set(parameters)));
  const Result<double> ended = part.run(0, input.data(), target.data(), 1, false, 1, gradient);
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().code == ErrorCode::kCancelled);
}

TEST_CASE("rounding ends before and within each of its parts") {
  Cancellation cancellation;
  for (const bool one_scale : {false, true}) {
    for (const std::size_t depth : {std::size_t{5}, std::size_t{40}, std::size_t{1100}}) {
      CAPTURE(depth);
      CAPTURE(one_scale);
      RoundingProblem problem = diagonal_problem(depth, 3);
      problem.one_scale = one_scale;
      cancellation.reset();
      CancelLatch open(&cancellation);
      problem.latch = &open;
      const RoundedRows whole = solve(problem, 2);
      CHECK(is_nearest(problem, whole));
      CHECK(open.status().ok());
      cancellation.cancel();
      CancelLatch latch(&cancellation);
      problem.latch = &latch;
      const RoundedRows left = solve(problem, 2);
      CHECK(is_cancelled(latch.status()));
      CHECK(left.weights == std::vector<std::int8_t>(problem.rows * depth));
      // A good start stays as it is.
      RoundedRows descended = whole;
      coordinate_descent(problem, descended, 20, 2);
      CHECK(descended.weights == whole.weights);
    }
  }
}

TEST_CASE("rounding a deep layer ends while it is factored") {
  // Without a check in it this takes minutes.
  Cancellation cancellation;
  CancelLatch latch(&cancellation);
  RoundingProblem problem = diagonal_problem(3000, 600);
  problem.latch = &latch;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    cancellation.cancel();
  });
  static_cast<void>(solve(problem, 1));
  CHECK(is_cancelled(latch.status()));
}

TEST_CASE("counting covariances ends between rows") {
  const CovarianceShape shape{1, 300, 2};
  const std::vector<std::int16_t> inputs(300 * 10, 100);
  const std::vector<float> outputs(2 * 10, 1.0F);
  Cancellation cancellation;
  cancellation.cancel();
  CancelLatch latch(&cancellation);
  CovarianceCounter counter(shape, 0x1p-20, &latch);
  counter.observe(inputs, outputs, 10);
  counter.finish();
  CHECK(is_cancelled(latch.status()));
  const std::vector<double> gram = counter.covariances(0).gram;
  CHECK(std::all_of(gram.begin(), gram.end(), [](double x) { return x == 0; }));
}

TEST_CASE("rounding weights to the nearest and correcting biases end between channels") {
  Filter filter;
  filter.weights = std::vector<float>(12, 0.25F);
  filter.bias = std::vector<float>(4, 1.0F);
  FilterSetting setting;
  setting.layer = "layer";
  setting.input = Quantization{0.02F, 0, {0, 255}};
  QuantizedFilter rounded = quantize_filter(filter, setting).value().filter;
  const std::vector<std::int32_t> biases = rounded.bias;
  Cancellation cancellation;
  cancellation.cancel();
  setting.cancellation = &cancellation;
  const Result<QuantizedWeights> ended = quantize_filter(filter, setting);
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().code == ErrorCode::kCancelled);
  const Result<FilterLimits> limits = filter_limits(filter, setting);
  REQUIRE_FALSE(limits.ok());
  CHECK(limits.error().code == ErrorCode::kCancelled);
  CHECK(is_cancelled(correct_bias(filter, setting.input, {1, 1, 1}, rounded, &cancellation)));
  CHECK(rounded.bias == biases);
}

TEST_CASE("mixing of channels ends before it is decomposed") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  ValueId x = b.convolution("project", b.input(), 6, window(1));
  x = b.convolution("expand", x, 8, window(1), 1, GraphBuilder::kRelu);
  const Graph graph = b.finish(b.convolution("last", x, 4, window(1)));
  const std::vector<ChannelSet> sets = mixable_sets(graph, find_live(graph));
  REQUIRE(sets.size() == 1);
  std::vector<double> products(36);
  for (std::size_t i = 0; i < 6; ++i) products[i * 7] = static_cast<double>(i + 1);
  CHECK(best_mixing(graph, sets[0], products).has_value());
  Cancellation cancellation;
  cancellation.cancel();
  CancelLatch latch(&cancellation);
  CHECK_FALSE(best_mixing(graph, sets[0], products, &latch).has_value());
  CHECK(is_cancelled(latch.status()));
}

}  // namespace narrow::graph
