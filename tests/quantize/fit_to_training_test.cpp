// Quantization without images, by the statistics of BatchNorm.
#include "quantize/fit_to_training.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "floating/float_executor.h"
#include "quantize/calibrate.h"
#include "quantize/quantize_graph.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;
using Image = std::vector<double>;

constexpr TensorShape kShape{6, 6, 3};
constexpr std::size_t kImages = 48;

// between, within: the standard deviations of the images' colours and of the pixels of one image.
std::vector<Image> random_images(unsigned seed, double between, double within) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, 1);
  std::vector<Image> images(kImages, Image(static_cast<std::size_t>(kShape.elems())));
  for (Image& image : images) {
    const double colour = 1 + between * normal(generator);
    for (double& value : image) value = colour + within * normal(generator);
  }
  return images;
}

// Of the same range as the noise, but with other contents.
std::vector<Image> training_images() { return random_images(7, 0.0, 2.0); }
std::vector<Image> noise() { return random_images(8, 2.0, 0.3); }

CalibrationInputs inputs_of(std::vector<Image> images) {
  return {images.size(), [images](std::size_t i, std::span<float> out) -> Status {
            std::transform(images[i].begin(), images[i].end(), out.begin(),
                           [](double x) { return static_cast<float>(x); });
            return {};
          }};
}

// What the BatchNorm layers are after training with the images, with gammas and betas at random.
void train(Graph& graph, const std::vector<Image>& images) {
  for (Node& node : graph.nodes) {
    auto* norm = std::get_if<BatchNorm>(&node.op);
    if (norm == nullptr) continue;
    const std::size_t channels = norm->mean.size();
    std::vector<double> sums(channels);
    std::vector<double> squares(channels);
    double count = 0;
    for (const Image& image : images) {
      const Image values = testing::evaluate_all(graph, image)[index(node.inputs[0])];
      for (std::size_t e = 0; e < values.size(); ++e) {
        sums[e % channels] += values[e];
        squares[e % channels] += values[e] * values[e];
      }
      const std::size_t pixels = values.size() / channels;
      count += static_cast<double>(pixels);
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double mean = sums[c] / count;
      norm->mean[c] = static_cast<float>(mean);
      norm->variance[c] = static_cast<float>(squares[c] / count - mean * mean);
    }
  }
}

struct Trained {
  Graph graph;  // simplified
  std::vector<TrainedLayer> layers;
};

Trained trained_network() {
  GraphBuilder b(testing::seed(), kShape);
  ValueId x = b.convolution("a", b.input(), 8, window(3, 1, 1));
  x = b.clamp("a.relu", b.batch_norm("a.norm", x), GraphBuilder::kRelu);
  const ValueId shortcut = x;
  x = b.convolution("b", x, 8, window(3, 1, 1), 8);
  x = b.clamp("b.relu", b.batch_norm("b.norm", x), GraphBuilder::kRelu6);
  x = b.batch_norm("c.norm", b.convolution("c", x, 8, window(1)));
  x = b.node("sum", Add{}, {x, shortcut});
  Trained trained{b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {x}), 5)), {}};
  train(trained.graph, training_images());
  trained.layers = trained_statistics(trained.graph);
  REQUIRE(simplify(trained.graph).ok());
  return trained;
}

FittedNetwork fitted_to_noise(const Trained& trained, int threads) {
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {threads, 0, {}}).value();
  return fit_to_training(trained.graph, trained.layers, activations, std::size_t{1} << 20, threads).value();
}

// Of the scores on the training images, in decibels.
double signal_to_noise(const Graph& graph, const Graph& integers) {
  auto expected = FloatExecutor::create(graph).value();
  auto actual = FloatExecutor::create(integers).value();
  double signal = 0;
  double error = 0;
  for (const Image& image : training_images()) {
    const std::vector<float> input(image.begin(), image.end());
    std::vector<float> a(5);
    std::vector<float> b(5);
    REQUIRE(expected.run(input, a).ok());
    REQUIRE(actual.run(input, b).ok());
    for (std::size_t k = 0; k < a.size(); ++k) {
      signal += double{a[k]} * a[k];
      error += (double{a[k]} - b[k]) * (double{a[k]} - b[k]);
    }
  }
  return 10 * std::log10(signal / error);
}

Graph quantized_without_images(const Trained& trained, const QuantizeOptions& options) {
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {options.threads, 0, {}}).value();
  auto result = quantize_without_images(trained.graph, trained.layers, activations, options);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  return std::move(result->graph);
}

Graph quantized_with(const Trained& trained, std::vector<Image> images, const QuantizeOptions& options) {
  const CalibrationInputs inputs = inputs_of(std::move(images));
  Activations activations = Activations::create(trained.graph, inputs, {options.threads, 0, {}}).value();
  return quantize_graph(trained.graph, activations, options).value().graph;
}

}  // namespace

TEST_CASE("a fitted network gives noise the channel means and deviations of training") {
  const Trained trained = trained_network();
  FittedNetwork fitted = fitted_to_noise(trained, 1);
  CHECK(fitted.fitted == 3);
  CHECK(fitted.unknown == 0);
  // In training the outputs of "c", which no clamp changes, had these.
  const Node* node = nullptr;
  for (const Node& each : fitted.graph.nodes) node = each.name == "c" ? &each : node;
  REQUIRE(node != nullptr);
  const TrainedLayer& layer = trained.layers[2];
  std::vector<double> sums(8);
  std::vector<double> squares(8);
  double count = 0;
  for (const Image& image : noise()) {
    const Image values = testing::evaluate_all(fitted.graph, image)[index(node->output)];
    for (std::size_t e = 0; e < values.size(); ++e) {
      sums[e % 8] += values[e];
      squares[e % 8] += values[e] * values[e];
    }
    const std::size_t pixels = values.size() / 8;
    count += static_cast<double>(pixels);
  }
  for (std::size_t c = 0; c < 8; ++c) {
    const double mean = sums[c] / count;
    CHECK(mean == doctest::Approx(layer.mean[c]).epsilon(0.01));
    CHECK(std::sqrt(squares[c] / count - mean * mean) == doctest::Approx(layer.deviation[c]).epsilon(0.01));
  }
}

TEST_CASE("fitting does not depend on the number of threads and leaves the network alone") {
  const Trained trained = trained_network();
  const Graph before = trained.graph;
  const FittedNetwork one = fitted_to_noise(trained, 1);
  const FittedNetwork three = fitted_to_noise(trained, 3);
  for (std::size_t n = 0; n < before.nodes.size(); ++n) {
    if (filter_of(before.nodes[n]) == nullptr) continue;
    CHECK(filter_of(one.graph.nodes[n])->weights == filter_of(three.graph.nodes[n])->weights);
    CHECK(filter_of(one.graph.nodes[n])->bias == filter_of(three.graph.nodes[n])->bias);
    CHECK(filter_of(trained.graph.nodes[n])->weights == filter_of(before.nodes[n])->weights);
  }
}

TEST_CASE("without images a network is quantized nearly as well as with those of training") {
  const Trained trained = trained_network();
  QuantizeOptions options;
  for (const bool per_tensor : {false, true}) {
    CAPTURE(per_tensor);
    options.per_tensor_weights = per_tensor;
    const double with_noise = signal_to_noise(trained.graph, quantized_with(trained, noise(), options));
    const double with_images = signal_to_noise(trained.graph, quantized_with(trained, training_images(), options));
    const double without = signal_to_noise(trained.graph, quantized_without_images(trained, options));
    CHECK(without > with_noise + 3);
    CHECK(without > with_images - 8);
  }
}

TEST_CASE("without images weights are rounded by outputs below 8 bits, closer than to the nearest") {
  const Trained trained = trained_network();
  QuantizeOptions options;
  options.weight_bits = 3;
  const double by_output = signal_to_noise(trained.graph, quantized_without_images(trained, options));
  options.rounding = RoundingKind::kNearest;
  const double nearest = signal_to_noise(trained.graph, quantized_without_images(trained, options));
  CHECK(by_output > nearest + 1);
}

TEST_CASE("without images, one scale per layer means rounding to the nearest, once, and anything else is refused") {
  const Trained trained = trained_network();
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {1, 0, {}}).value();
  QuantizeOptions options;
  options.weight_bits = 4;
  options.per_tensor_weights = true;
  const auto result = quantize_without_images(trained.graph, trained.layers, activations, options);
  REQUIRE(result.ok());
  std::size_t corrected = 0;
  for (const Event& event : result->report.events) {
    CHECK(event.text.find("outputs are closest") == std::string::npos);
    if (event.text.find("layers corrected for the mean error") != std::string::npos) ++corrected;
  }
  CHECK(corrected == 1);
  const auto refused = [&](const QuantizeOptions& wrong, const char* where) {
    const auto answer = quantize_without_images(trained.graph, trained.layers, activations, wrong);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().code == ErrorCode::kInvalidArgument);
    CHECK(answer.error().where == where);
  };
  options.effort = Effort::kMax;
  refused(options, "effort");
  QuantizeOptions with_goal = options;
  with_goal.weight_bits = 8;
  with_goal.boundary_layers = BoundaryLayers::kOff;
  with_goal.goal = BitGoal{.max_weight_bytes = 1 << 20};
  refused(with_goal, "effort");
  options.effort = Effort::kDefault;
  options.rounding = RoundingKind::kOutputError;
  refused(options, "rounding");
}

TEST_CASE("a share of answers is no goal without images, not even that none changes") {
  const Trained trained = trained_network();
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {1, 0, {}}).value();
  QuantizeOptions options;
  options.boundary_layers = BoundaryLayers::kOff;
  for (const double share : {0.0, 0.1}) {
    options.goal = BitGoal{.max_changed = share};
    const auto refused = quantize_without_images(trained.graph, trained.layers, activations, options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("can't be measured without images") != std::string::npos);
  }
}

TEST_CASE("quantization without images warns that it is weaker and names layers without statistics") {
  Trained trained = trained_network();
  std::erase_if(trained.layers, [](const TrainedLayer& layer) { return layer.layer == "b"; });
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {1, 0, {}}).value();
  const auto result = quantize_without_images(trained.graph, trained.layers, activations, {});
  REQUIRE(result.ok());
  std::string text;
  for (const Event& event : result->report.events) {
    if (event.kind == Event::Kind::kWarning) text += event.text + "\n";
  }
  CHECK(text.find("which is weaker; give a few hundred images") != std::string::npos);
  CHECK(text.find("of 3 layers 1 have no BatchNorm statistics") != std::string::npos);
}

TEST_CASE("a network without statistics of BatchNorm can't be quantized without images") {
  Trained trained = trained_network();
  trained.layers.clear();
  const CalibrationInputs inputs = inputs_of(noise());
  Activations activations = Activations::create(trained.graph, inputs, {1, 0, {}}).value();
  const auto result = quantize_without_images(trained.graph, trained.layers, activations, {});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::kUnsupported);
  CHECK(result.error().text().find("no BatchNorm statistics") != std::string::npos);
  CHECK(result.error().text().find("give images") != std::string::npos);
}

}  // namespace narrow::graph
