// Models without calibration: float32, and integers if the file is pre-quantized.
#include "narrow/session.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "narrow/quantize.h"
#include "pipeline/float_model_data.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr Quantization kInput{0.0625F, 128, {0, 255}};
constexpr Quantization kHidden{0.125F, 0, {0, 255}};

std::vector<float> random(std::mt19937& generator, std::size_t count) {
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return distribution(generator); });
  return values;
}

graph::ValueId qdq(graph::Graph& graph, const std::string& name, graph::ValueId x, const Quantization& quantization) {
  const graph::ValueId q = graph.add_node(name, graph::Quantize{}, {x}).value();
  graph.value(q).quantization = quantization;
  return graph.add_node(name + ".dq", graph::Dequantize{}, {q}).value();
}

// input -> conv 3x3 -> ReLU -> linear. If pre-quantized, the convolution has ternary weight integers between QDQ.
FloatModel model(bool pre_quantized) {
  std::mt19937 generator(testing::seed());
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  graph.input = graph.add_value("input", {8, 8, 3});
  graph::Convolution conv;
  conv.window.kernel_h = conv.window.kernel_w = 3;
  conv.out_channels = 4;
  conv.filter.weights = random(generator, 4 * 27);
  conv.filter.bias = random(generator, 4);
  if (pre_quantized) {
    graph::PreQuantizedWeights weights;
    weights.scales.assign(4, 0.25F);
    for (float& weight : conv.filter.weights.edit()) {
      weights.integers.edit().push_back(static_cast<std::int8_t>(std::nearbyint(weight)));
      weight = static_cast<float>(weights.integers.back()) * 0.25F;
    }
    conv.filter.pre_quantized = weights;
  }
  graph::ValueId x = pre_quantized ? qdq(graph, "x", graph.input, kInput) : graph.input;
  x = graph.add_node("conv", conv, {x}).value();
  x = graph.add_node("relu", graph::Activation{}, {x}, {0.0F, std::numeric_limits<float>::infinity()}).value();
  if (pre_quantized) x = qdq(graph, "y", x, kHidden);
  graph::Linear linear;
  linear.out_features = 5;
  linear.filter.weights = random(generator, std::size_t{5} * 6 * 6 * 4);
  linear.filter.bias = random(generator, 5);
  graph.output = graph.add_node("fc", linear, {x}).value();
  data->log = graph::simplify(graph).value();
  data->preprocessing.crop_height = data->preprocessing.crop_width = 8;
  data->source = "test.onnx";
  return FloatModel(std::move(data));
}

std::vector<float> float_scores(const FloatModel& float_model, const std::vector<float>& input) {
  std::vector<float> scores(5);
  FloatSession session = FloatSession::create(float_model).value();
  session.run(input, scores).value();
  return scores;
}

std::vector<float> scores_of(const Model& integer_model, const std::vector<float>& input) {
  std::vector<float> scores(5);
  Session session = Session::create(integer_model).value();
  session.run(input, scores).value();
  return scores;
}

void check_close(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(double{a[i]} - double{b[i]}) <= tolerance);
}

std::vector<float> image() {
  std::mt19937 generator(testing::seed() + 1);
  return random(generator, std::size_t{8} * 8 * 3);
}

}  // namespace

TEST_CASE("a float model converts into a float32 model with the same scores") {
  const FloatModel source = model(false);
  const Quantized converted = convert(source).value();
  CHECK(converted.model.provenance().calibration == "none: float32");
  CHECK(converted.model.provenance().source == "test.onnx");
  for (const WeightReport& weights : converted.report.weights) CHECK(weights.bits == 32);
  CHECK(converted.report.weights.size() == 2);
  check_close(scores_of(converted.model, image()), float_scores(source, image()), 1e-4);
  const Model loaded = Model::parse(converted.model.serialize()).value();
  CHECK(scores_of(loaded, image()) == scores_of(converted.model, image()));
}

TEST_CASE("a pre-quantized layer runs in integers without calibration") {
  const FloatModel source = model(true);
  const Quantized converted = convert(source).value();
  CHECK(converted.model.provenance().calibration == "none: stated in the file");
  REQUIRE(converted.report.weights.size() == 2);
  CHECK(converted.report.weights[0].bits == 2);
  CHECK(converted.report.weights[0].scale_min == 0.25F);
  CHECK(converted.report.weights[1].bits == 32);
  const std::vector<Event>& events = converted.report.events;
  const Event expected{Event::Kind::kSummary, "", "1 of 2 nodes run in integers, as the file specifies"};
  CHECK(std::find(events.begin(), events.end(), expected) != events.end());
  // At most a tie of the convolution's rounding is decided otherwise.
  check_close(scores_of(converted.model, image()), float_scores(source, image()), 0.13);
  const Model loaded = Model::parse(converted.model.serialize()).value();
  CHECK(scores_of(loaded, image()) == scores_of(converted.model, image()));
}

TEST_CASE("calibration makes the rest of such a model integer and keeps what is pre-quantized") {
  const FloatModel source = model(true);
  CalibrationInputs inputs;
  inputs.count = 2;
  inputs.fill = [](std::size_t, std::span<float> out) -> Status {
    const std::vector<float> values = image();
    std::copy(values.begin(), values.end(), out.begin());
    return {};
  };
  const Quantized quantized = quantize(source, inputs).value();
  REQUIRE(quantized.report.weights.size() == 2);
  CHECK(quantized.report.weights[0].bits == 2);
  CHECK(quantized.report.weights[1].bits == 8);
  check_close(scores_of(quantized.model, image()), float_scores(source, image()), 0.25);
}

}  // namespace v0
}  // namespace narrow
