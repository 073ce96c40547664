// Rounding by the error of outputs, as a whole: closer than rounding to the nearest, and the same on every machine.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "floating/float_executor.h"
#include "quantize/activations.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/fingerprint.h"
#include "tests/support/quantize/pre_quantized_graph.h"
#include "tests/support/quantize/preparation.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::same_integers;

// A residual block, a depthwise layer and a linear one.
Graph network() {
  GraphBuilder b(testing::seed(), {12, 12, 3});
  ValueId x = b.convolution("first", b.input(), 16, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId shortcut = x;
  x = b.convolution("conv1", x, 16, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
  x = b.convolution("conv2", x, 16, testing::window(3, 1, 1));
  x = b.node("add", Add{}, {x, shortcut}, GraphBuilder::kRelu);
  x = b.convolution("depthwise", x, 16, testing::window(3, 2, 1), 16, GraphBuilder::kRelu6);
  x = b.convolution("grouped", x, 32, testing::window(1), 4, GraphBuilder::kRelu);
  x = b.node("pool", GlobalAveragePool{}, {x});
  return b.finish(b.linear("last", x, 10));
}

CalibrationInputs images(const Graph& graph, std::size_t count) {
  return {count, [&graph](std::size_t i, std::span<float> out) -> Status {
            const std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
            std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
            return {};
          }};
}

Graph quantized(const Graph& graph, std::size_t count, const QuantizeOptions& options) {
  const CalibrationInputs inputs = images(graph, count);
  auto activations = Activations::create(graph, inputs, {options.threads, 0, {}}).value();
  auto result = quantize_graph(graph, activations, options);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  return std::move(result->graph);
}

// Of the scores, over images that calibration has not seen.
double squared_error(const Graph& graph, const Graph& integers) {
  auto expected = FloatExecutor::create(graph).value();
  auto actual = FloatExecutor::create(integers).value();
  std::vector<float> a(10);
  std::vector<float> b(10);
  double sum = 0;
  for (unsigned i = 1000; i < 1040; ++i) {
    std::vector<float> input;
    for (const double x : testing::random_input(graph, i)) input.push_back(static_cast<float>(x));
    REQUIRE(expected.run(input, a).ok());
    REQUIRE(actual.run(input, b).ok());
    for (std::size_t k = 0; k < a.size(); ++k) sum += std::pow(double{a[k]} - double{b[k]}, 2);
  }
  return sum;
}

QuantizeOptions options_of(int weights, int activations, RoundingKind rounding) {
  QuantizeOptions options;
  options.weight_bits = weights;
  options.activation_bits = activations;
  options.rounding = rounding;
  return options;
}

}  // namespace

TEST_CASE("rounding by the error of outputs is closer to the float network than rounding to the nearest") {
  const Graph graph = network();
  for (const auto& bits : {std::pair{4, 8}, {3, 8}, {2, 8}, {3, 4}}) {
    const int weights = bits.first, activations = bits.second;
    CAPTURE(weights);
    CAPTURE(activations);
    const double nearest =
        squared_error(graph, quantized(graph, 64, options_of(weights, activations, RoundingKind::kNearest)));
    const double by_output =
        squared_error(graph, quantized(graph, 64, options_of(weights, activations, RoundingKind::kOutputError)));
    CHECK(by_output < 0.7 * nearest);
  }
}

TEST_CASE("the default rounds by outputs below 8 bits and to the nearest at 8") {
  const Graph graph = network();
  for (const int bits : {4, 8}) {
    CAPTURE(bits);
    const Graph by_default = quantized(graph, 8, options_of(bits, bits, RoundingKind::kAuto));
    const auto expected = bits == 8 ? RoundingKind::kNearest : RoundingKind::kOutputError;
    const auto other = bits == 8 ? RoundingKind::kOutputError : RoundingKind::kNearest;
    CHECK(same_integers(by_default, quantized(graph, 8, options_of(bits, bits, expected))));
    CHECK_FALSE(same_integers(by_default, quantized(graph, 8, options_of(bits, bits, other))));
  }
}

TEST_CASE("rounding by outputs depends neither on threads nor on the memory that it may take") {
  const Graph graph = network();
  QuantizeOptions options = options_of(3, 4, RoundingKind::kOutputError);
  const Graph expected = quantized(graph, 9, options);
  for (const int threads : {1, 2, 3, 16}) {
    for (const std::size_t memory : {std::size_t{0}, std::size_t{100000}, std::size_t{1} << 30}) {
      CAPTURE(threads);
      CAPTURE(memory);
      options.threads = threads;
      options.memory_bytes = memory;
      CHECK(same_integers(quantized(graph, 9, options), expected));
    }
  }
}

TEST_CASE("at 8 bits weights are rounded by outputs where answers are far from the float network's and get closer") {
  const auto chosen_of = [](const QuantizeReport& report) {
    for (const char* kind : {"by the error of outputs at 8 bits too", "to the nearest"}) {
      if (testing::has_line(report.events, std::string("weights are rounded ") + kind)) return std::string(kind);
    }
    return std::string();
  };
  int far = 0;
  // What all scores have in common changes no answer, but makes the steps of the weights large.
  for (const float common : {10.0F, 100.0F, 300.0F}) {
    CAPTURE(common);
    Graph graph = network();
    Filter& last = *filter_of(graph.nodes.back());
    std::vector<float> large(last.weights.begin(), last.weights.end());
    for (float& w : large) w += common;
    last.weights = std::move(large);
    const auto on_images = [&graph](const QuantizeOptions& with) {
      const CalibrationInputs inputs = images(graph, 9);
      auto activations = Activations::create(graph, inputs, {1, 0, {}}).value();
      return quantize_graph(graph, activations, with).value();
    };
    QuantizeOptions options;
    testing::leave_network_as_it_is(options);
    const QuantizedGraph chosen = on_images(options);
    const std::string kind = chosen_of(chosen.report);
    if (!kind.empty()) ++far;
    options.rounding =
        kind == "by the error of outputs at 8 bits too" ? RoundingKind::kOutputError : RoundingKind::kNearest;
    CHECK(same_integers(chosen.graph, on_images(options).graph));
    options.rounding = RoundingKind::kAuto;
    options.effort = Effort::kFast;
    const QuantizedGraph fast = on_images(options);
    CHECK(chosen_of(fast.report).empty());
    options.rounding = RoundingKind::kNearest;
    CHECK(same_integers(fast.graph, on_images(options).graph));
  }
  CHECK(far > 0);
}

TEST_CASE("answers that are close at 8 bits are left with the nearest integers") {
  Graph graph = network();
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  Filter& last = *filter_of(graph.nodes.back());
  std::vector<float> small(last.weights.begin(), last.weights.end());
  for (float& w : small) w /= 1000;  // all classes are about as likely
  last.weights = std::move(small);
  const Graph chosen = quantized(graph, 9, options);
  options.rounding = RoundingKind::kNearest;
  CHECK(same_integers(chosen, quantized(graph, 9, options)));
}

TEST_CASE("one image is enough for rounding by outputs, and one scale for all channels is kept") {
  const Graph graph = network();
  QuantizeOptions options = options_of(4, 4, RoundingKind::kOutputError);
  options.per_tensor_weights = true;
  const Graph integers = quantized(graph, 1, options);
  for (const Node& node : integers.nodes) {
    const Filter* filter = filter_of(node);
    if (filter == nullptr) continue;
    CAPTURE(node.name);
    const std::vector<float>& scales = filter->quantized->scales;
    CHECK(std::count(scales.begin(), scales.end(), scales[0]) == static_cast<std::ptrdiff_t>(scales.size()));
  }
}

TEST_CASE("an exception of the images becomes an error while layers are rounded") {
  const Graph graph = network();
  int calls = 0;
  const CalibrationInputs inputs{4, [&calls](std::size_t, std::span<float> out) -> Status {
                                   if (++calls > 6) throw std::runtime_error("gone");
                                   std::fill(out.begin(), out.end(), 0.5F);
                                   return {};
                                 }};
  auto activations = Activations::create(graph, inputs, {1, 0, {}}).value();
  QuantizeOptions options = options_of(4, 4, RoundingKind::kOutputError);
  testing::leave_network_as_it_is(options);  // which would ask for images, too
  options.memory_bytes = 0;
  const auto result = quantize_graph(graph, activations, options);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find("gone") != std::string::npos);
}

TEST_CASE("progress of rounding counts layers") {
  const Graph graph = network();
  QuantizeOptions options = options_of(4, 4, RoundingKind::kOutputError);
  testing::leave_network_as_it_is(options);
  std::vector<std::size_t> done;
  options.progress = [&](std::string_view stage, std::size_t layer, std::size_t layers) {
    CHECK(stage == "rounding, layer");
    CHECK(layers == 6);
    done.push_back(layer);
  };
  quantized(graph, 2, options);
  CHECK(done == std::vector<std::size_t>{1, 2, 3, 4, 5, 6});
}

}  // namespace narrow::graph
