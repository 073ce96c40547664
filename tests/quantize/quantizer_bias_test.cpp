#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantize/calibrate.h"
#include "quantize/expected_input.h"
#include "quantize/quantize_graph.h"
#include "quantize/weight_quantization.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

constexpr std::size_t kImages = 12;

// Images of nearly one colour, as skies and walls are: what a filter that nearly cancels makes little of.
std::vector<double> flat_image(const Graph& graph, std::size_t i) {
  std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
  for (double& value : values) value = static_cast<float>(5.0 + 0.05 * value);
  return values;
}

std::vector<std::optional<Observation>> observe(const Graph& graph) {
  CalibrationInputs inputs;
  inputs.count = kImages;
  inputs.fill = [&graph](std::size_t i, std::span<float> out) -> Status {
    const std::vector<double> values = flat_image(graph, i);
    std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  return calibrate(graph, inputs, ObserverKind::kMinMax, 1, {}).value();
}

// Mean and mean square, over images and channels, of the scores' error.
struct ScoreError {
  double mean = 0;
  double square = 0;

  ScoreError& operator+=(const ScoreError& other) {
    mean += other.mean;
    square += other.square;
    return *this;
  }
};
ScoreError score_error(const Graph& graph, const Graph& quantized) {
  ScoreError error;
  std::vector<double> per_channel(static_cast<std::size_t>(graph.value(graph.output).shape.channels));
  for (std::size_t i = 0; i < kImages; ++i) {
    const std::vector<double> image = flat_image(graph, i);
    const std::vector<double> want = testing::evaluate(graph, image);
    const std::vector<double> have = testing::evaluate(quantized, image);
    for (std::size_t e = 0; e < want.size(); ++e) {
      const double difference = have[e] - want[e];
      per_channel[e % per_channel.size()] += difference / static_cast<double>(kImages);
      error.square += difference * difference;
    }
  }
  for (const double mean : per_channel) error.mean = std::max(error.mean, std::abs(mean));
  return error;
}

}  // namespace

TEST_CASE("expected input counts the output pixels at which a tap is inside") {
  Convolution op;
  op.window = window(3, 1, 1);
  op.groups = 2;
  op.out_channels = 4;
  Node node;
  node.op = op;
  const std::vector<float> means = {1, 2, 10, 20};
  const auto expected = expected_input(node, {2, 4, 4}, {2, 4, 4}, means);
  REQUIRE(expected.size() == 2 * 9 * 2);
  // The middle tap is always inside; the upper left one for half of the rows and three quarters of the columns.
  CHECK(expected[4 * 2] == 1.0);
  CHECK(expected[4 * 2 + 1] == 2.0);
  CHECK(expected[0] == 0.5 * 0.75);
  CHECK(expected[18] == 10.0 * 0.5 * 0.75);
  CHECK(expected[18 + 8 * 2 + 1] == 20.0 * 0.5 * 0.75);
  CHECK(expected_input(node, {2, 4, 4}, {2, 4, 4}, {}).empty());

  node.op = Linear{5, {}};
  const auto flat = expected_input(node, {1, 2, 4}, {1, 1, 5}, means);
  CHECK(flat == std::vector<double>{1, 2, 10, 20, 1, 2, 10, 20});
}

TEST_CASE("bias correction takes out the mean error of every group of channels") {
  Filter filter;
  filter.weights = {0.7F, 0.5F, -0.25F, 1.0F, 0.3F, -1.0F, 0.2F, 1.0F};
  filter.bias = {0.5F, -0.5F, 0.25F, 0.0F};
  FilterSetting setting;
  setting.bits = 2;
  setting.input = Quantization{0.001F, 0, {0, 255}};
  setting.output_scale = 1.0F;
  setting.expected_input = {1.0, 2.0, 3.0, 4.0};  // two groups of two weights
  const QuantizedFilter q = quantize_filter(filter, setting).value().filter;
  for (std::size_t c = 0; c < 4; ++c) {
    double want = double{filter.bias[c]};
    double have = 0.001 * double{q.scales[c]} * q.bias[c];
    for (std::size_t i = 0; i < 2; ++i) {
      const double x = setting.expected_input[c / 2 * 2 + i];
      want += double{filter.weights[c * 2 + i]} * x;
      have += double{q.scales[c]} * q.weights[c * 2 + i] * x;
    }
    CHECK(have == doctest::Approx(want).epsilon(1e-3));
  }
}

TEST_CASE("a correction never pushes a bias out of int32") {
  Filter filter;
  filter.weights = {1.0F, 0.4F};
  filter.bias = {3000.0F};
  FilterSetting setting;
  setting.bits = 2;
  setting.input = Quantization{0x1p-40F, 0, {0, 255}};
  setting.expected_input = {1e30, -1e30};
  const QuantizedFilter q = quantize_filter(filter, setting).value().filter;
  CHECK(std::abs(std::int64_t{q.bias[0]}) <= kMaxBias);
}

TEST_CASE("bias correction helps filters that nearly cancel") {
  constexpr unsigned kGraphs = 6;  // the rounding of a single one may happen to cancel
  for (const int bits : {4, 8}) {
    ScoreError corrected;
    ScoreError plain;
    for (unsigned i = 0; i < kGraphs; ++i) {
      GraphBuilder b(testing::seed() + i, {8, 8, 6});
      const ValueId depthwise = b.convolution("depthwise", b.input(), 6, window(3, 1, 1), 6);
      const ValueId gap = b.node("gap", GlobalAveragePool{}, {depthwise});
      Graph graph = b.finish(b.linear("fc", gap, 4));
      Filter& filter = *filter_of(graph.nodes[0]);
      for (std::size_t c = 0; c < 6; ++c) {
        float sum = 0;
        for (std::size_t tap = 0; tap < 8; ++tap) sum += filter.weights[c * 9 + tap];
        filter.weights.edit()[c * 9 + 8] = -sum;
      }
      QuantizeOptions options;
      options.weight_bits = bits;
      options.boundary_layers = BoundaryLayers::kOff;
      const auto observations = observe(graph);
      const QuantizedGraph with = quantize_graph(graph, observations, options).value();
      options.correct_bias = false;
      const QuantizedGraph without = quantize_graph(graph, observations, options).value();
      corrected += score_error(graph, with.graph);
      plain += score_error(graph, without.graph);
      CHECK(with.report.events.back().text ==
            "biases of 2 layers corrected for the mean error of their rounded weights");
      CHECK(without.report.events.back() != with.report.events.back());
    }
    CHECK(corrected.mean < 0.5 * plain.mean);
    CHECK(corrected.square < 0.5 * plain.square);
  }
}

}  // namespace narrow::graph
