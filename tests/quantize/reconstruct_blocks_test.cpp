// Block reconstruction: what it gains, and that it is reproducible.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "floating/float_executor.h"
#include "quantize/activations.h"
#include "quantize/methods.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/fingerprint.h"
#include "tests/support/quantize/pre_quantized_graph.h"
#include "tests/support/quantize/preparation.h"

namespace narrow::graph {
namespace {

using testing::fingerprint;
using testing::GraphBuilder;
using testing::window;

// A layer, an inverted residual with a sum and one without.
Graph residual_network() {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId e1 = b.convolution("e1", stem, 24, {}, 1, GraphBuilder::kRelu6);
  const ValueId d1 = b.convolution("d1", e1, 24, window(3, 1, 1), 24, GraphBuilder::kRelu6);
  const ValueId sum = b.node("sum", Add{}, {b.convolution("p1", d1, 8), stem});
  const ValueId e2 = b.convolution("e2", sum, 24, {}, 1, GraphBuilder::kRelu6);
  const ValueId d2 = b.convolution("d2", e2, 24, window(3, 2, 1), 24, GraphBuilder::kRelu6);
  const ValueId p2 = b.convolution("p2", d2, 12);
  return b.finish(b.linear("fc", p2, 6));
}

Status fill(const Graph& graph, std::size_t i, std::span<float> out) {
  const std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
  std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
  return {};
}

QuantizedGraph quantized(const Graph& graph, Effort effort, RoundingKind rounding = RoundingKind::kAuto,
                         int threads = 1) {
  const CalibrationInputs inputs{192, [&](std::size_t i, std::span<float> out) { return fill(graph, i, out); }};
  QuantizeOptions options;
  options.weight_bits = 2;
  options.activation_bits = 3;
  options.free_bits = FreeBits::kActivations;
  testing::leave_network_as_it_is(options);  // what is tested is the reconstruction alone
  options.effort = effort;
  options.rounding = rounding;
  options.threads = threads;
  auto activations = Activations::create(graph, inputs, {threads, 0, {}});
  REQUIRE(activations.ok());
  auto result = quantize_graph(graph, *activations, options);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  REQUIRE(validate(result->graph).ok());
  return std::move(*result);
}

// Mean squared error of the scores on images that the quantizer has not seen.
double error(const Graph& graph, const Graph& integers) {
  auto want = FloatExecutor::create(graph);
  auto have = FloatExecutor::create(integers);
  REQUIRE(want.ok());
  REQUIRE(have.ok());
  std::vector<float> image(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
  std::vector<float> a(6);
  std::vector<float> b(6);
  double sum = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    REQUIRE(fill(graph, 1000 + i, image).ok());
    REQUIRE(want->run(image, a).ok());
    REQUIRE(have->run(image, b).ok());
    for (std::size_t k = 0; k < a.size(); ++k) sum += std::pow(double{a[k]} - double{b[k]}, 2) / 1200;
  }
  return sum;
}

}  // namespace

TEST_CASE("blocks that are trained after rounding to nearest are much closer to the float network") {
  const Graph graph = residual_network();
  const double rounded = error(graph, quantized(graph, Effort::kDefault, RoundingKind::kNearest).graph);
  const double reconstructed = error(graph, quantized(graph, Effort::kMax, RoundingKind::kNearest).graph);
  CAPTURE(rounded);
  CAPTURE(reconstructed);
  CHECK(reconstructed < 0.9 * rounded);
}

TEST_CASE("block reconstruction does not depend on the number of threads") {
  const Graph graph = residual_network();
  const std::string one = fingerprint(quantized(graph, Effort::kMax, RoundingKind::kAuto, 1).graph);
  CHECK(one != fingerprint(quantized(graph, Effort::kDefault, RoundingKind::kAuto, 1).graph));
  for (const int threads : {2, 3}) {
    CAPTURE(threads);
    CHECK(fingerprint(quantized(graph, Effort::kMax, RoundingKind::kAuto, threads).graph) == one);
  }
}

TEST_CASE("the report tells what became of each block, and no block's error grew") {
  const QuantizedGraph result = quantized(residual_network(), Effort::kMax, RoundingKind::kNearest);
  int blocks = 0;
  for (const Event& event : result.report.events) {
    if (event.text.rfind("block '", 0) != 0) continue;
    ++blocks;
    const std::size_t left = event.text.find("training left ");
    if (left == std::string::npos) {
      CHECK(event.text.find("left as it was") != std::string::npos);
    } else {
      CHECK(std::stoi(event.text.substr(left + 14)) <= 100);
    }
  }
  CHECK(blocks == 4);
  CHECK(testing::has_line(result.report.events, "block 'e1' to 'sum'"));
  CHECK(testing::has_line(result.report.events, "4 blocks trained on 168 images"));
}

TEST_CASE("blocks are trained only where something has fewer than 8 bits and the effort is the largest") {
  QuantizeOptions options;
  options.effort = Effort::kMax;
  CHECK_FALSE(reconstructs_blocks(options));
  options.layer_weight_bits = {{"fc", 4}};
  CHECK(reconstructs_blocks(options));
  options.effort = Effort::kDefault;
  CHECK_FALSE(reconstructs_blocks(options));
}

TEST_CASE("where everything has 8 bits the report says that nothing is trained") {
  const Graph graph = residual_network();
  const CalibrationInputs inputs{16, [&](std::size_t i, std::span<float> out) { return fill(graph, i, out); }};
  Activations activations = Activations::create(graph, inputs, {1, 0, {}}).value();
  QuantizeOptions options;
  for (const Effort effort : {Effort::kDefault, Effort::kMax}) {
    options.effort = effort;
    const std::vector<Event> events = quantize_graph(graph, activations, options).value().report.events;
    CHECK(testing::has_line(events, "nothing is trained") == (effort == Effort::kMax));
  }
}

}  // namespace narrow::graph
