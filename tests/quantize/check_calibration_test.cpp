// Calibration images that are not what the network was trained with.
#include "quantize/check_calibration.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "quantize/calibrate.h"
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
constexpr std::size_t kImages = 64;

// Reddish images.
std::vector<Image> reddish_images(unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<Image> images;
  for (std::size_t i = 0; i < kImages; ++i) {
    Image image;
    for (std::int64_t e = 0; e < kShape.elems(); ++e) {
      constexpr std::array<float, 3> kMeans{1.5F, 0.0F, -1.5F};
      image.push_back(kMeans[static_cast<std::size_t>(e % 3)] + 0.5F * normal(generator));
    }
    images.push_back(std::move(image));
  }
  return images;
}

// Three convolutions with BatchNorm, whose statistics are those of the images. No class is best for nearly all images.
Graph trained_graph(const std::vector<Image>& images) {
  GraphBuilder b(testing::seed(), kShape);
  ValueId x = b.input();
  for (const char* layer : {"a", "b", "c"}) {
    const std::string name = layer;
    x = b.convolution(name, x, 8, window(3, 1, 1));
    x = b.batch_norm(name + ".norm", x, true);
    x = b.clamp(name + ".relu", x, name == "b" ? GraphBuilder::kRelu6 : GraphBuilder::kRelu);
  }
  Graph graph = b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {x}), 5));
  for (Node& node : graph.nodes) {
    auto* norm = std::get_if<BatchNorm>(&node.op);
    if (norm == nullptr) continue;
    const std::size_t channels = norm->mean.size();
    std::vector<double> sums(channels);
    std::vector<double> squares(channels);
    double count = 0;
    for (const Image& image : images) {
      const Image values = testing::evaluate_all(graph, image)[static_cast<std::size_t>(node.inputs[0])];
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
  std::vector<double> mean_scores(5);
  for (const Image& image : images) {
    const Image scores = testing::evaluate(graph, image);
    for (std::size_t c = 0; c < scores.size(); ++c) mean_scores[c] += scores[c] / static_cast<double>(kImages);
  }
  std::vector<float>& biases = filter_of(graph.nodes.back())->bias.edit();
  for (std::size_t c = 0; c < biases.size(); ++c) biases[c] -= static_cast<float>(mean_scores[c]);
  return graph;
}

std::vector<Event> findings(const Graph& trained, const std::vector<Image>& images, std::size_t count = kImages) {
  CalibrationInputs inputs;
  inputs.count = count;
  inputs.fill = [&images](std::size_t i, std::span<float> out) -> Status {
    std::transform(images[i].begin(), images[i].end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  CalibrationExpectations expected;
  expected.trained = trained_statistics(trained);
  expected.variants.push_back({"half of it", false, {0.5F, 0.5F, 0.5F}, {}});
  expected.variants.push_back({"red and blue exchanged", true, {1.0F, 1.0F, 1.0F}, {}});
  Graph graph = trained;
  CHECK(simplify(graph).ok());
  Activations activations = Activations::create(graph, inputs, {1, 0, {}}).value();
  const auto observations = observe(activations, ObserverKind::kMinMax).value();
  return check_calibration(expected, activations, observations).value();
}

std::vector<std::string> warnings(const std::vector<Event>& events) {
  std::vector<std::string> texts;
  for (const Event& event : events) {
    if (event.kind == Event::Kind::kWarning) texts.push_back(event.text);
  }
  return texts;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Without those about classes: strange images may all be taken for one.
std::vector<std::string> about_layers(std::vector<std::string> texts) {
  std::erase_if(texts, [](const std::string& text) { return !contains(text, "first layers"); });
  return texts;
}

std::vector<Image> changed(std::vector<Image> images, const std::function<void(Image&)>& change) {
  for (Image& image : images) change(image);
  return images;
}

}  // namespace

TEST_CASE("statistics of BatchNorm are found where it reads a layer alone and nothing was clamped before") {
  GraphBuilder b(testing::seed(), kShape);
  const ValueId plain = b.batch_norm("plain.norm", b.convolution("plain", b.input(), 4));
  const ValueId clamped = b.batch_norm("clamped.norm", b.convolution("clamped", plain, 4, {}, 1, GraphBuilder::kRelu));
  const ValueId shared = b.convolution("shared", clamped, 4);
  const ValueId sum = b.node("sum", Add{}, {b.batch_norm("shared.norm", shared), shared});
  const Graph graph = b.finish(b.batch_norm("fc.norm", b.linear("fc", sum, 3)));
  const std::vector<TrainedLayer> found = trained_statistics(graph);
  REQUIRE(found.size() == 2);
  CHECK(found[0].layer == "plain");
  CHECK(found[1].layer == "fc");
  CHECK(found[1].mean.size() == 3);
  CHECK(found[1].deviation.size() == 3);
  CHECK(std::all_of(found[0].deviation.begin(), found[0].deviation.end(), [](float x) { return x >= 0; }));
}

TEST_CASE("the images that a network was trained with are as its BatchNorm expects them") {
  const std::vector<Image> images = reddish_images(testing::seed());
  const std::vector<Event> events = findings(trained_graph(images), images);
  CHECK(warnings(events).empty());
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == Event::Kind::kSummary);
  CHECK(contains(events[0].text, "median of 3 layers"));
}

TEST_CASE("images with red and blue exchanged, or with other numbers, are told apart and named") {
  const std::vector<Image> images = reddish_images(testing::seed());
  const Graph graph = trained_graph(images);
  const auto exchanged = changed(images, [](Image& image) {
    for (std::size_t e = 0; e < image.size(); e += 3) std::swap(image[e], image[e + 2]);
  });
  auto texts = about_layers(warnings(findings(graph, exchanged)));
  REQUIRE(texts.size() == 1);
  CHECK(contains(texts[0], "with red and blue exchanged 0.0"));

  const auto doubled = changed(images, [](Image& image) {
    for (double& x : image) x *= 2;
  });
  texts = about_layers(warnings(findings(graph, doubled)));
  REQUIRE(texts.size() == 1);
  CHECK(contains(texts[0], "with half of it 0.0"));

  const auto inverted = changed(images, [](Image& image) {
    for (double& x : image) x = -3 * x + 2;
  });
  texts = about_layers(warnings(findings(graph, inverted)));
  REQUIRE(texts.size() == 1);
  CHECK(contains(texts[0], "check --preprocess (mean, std"));
}

TEST_CASE("few images and images of one class are warned about") {
  const std::vector<Image> images = reddish_images(testing::seed());
  const Graph graph = trained_graph(images);
  auto texts = warnings(findings(graph, images, 31));
  REQUIRE(texts.size() == 1);
  CHECK(contains(texts[0], "only 31 images calibrate"));
  CHECK(contains(warnings(findings(graph, images, 1)).at(0), "only 1 image calibrates"));

  Graph constant = graph;
  Filter& scores = *filter_of(constant.nodes.back());
  scores.bias.edit()[3] += 1000;
  texts = warnings(findings(constant, images));
  REQUIRE(texts.size() == 1);
  CHECK(contains(texts[0], "takes 64 of 64 calibration images for class 3"));
}

TEST_CASE("images of one colour and images that are all the same are warned about") {
  const std::vector<Image> images = reddish_images(testing::seed());
  const Graph graph = trained_graph(images);
  const auto says = [&](const std::vector<Image>& given, const char* part) {
    const std::vector<std::string> texts = warnings(findings(graph, given));
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return contains(text, part); });
  };
  const std::vector<Image> uniform = changed(images, [](Image& image) {
    for (std::size_t e = 3; e < image.size(); ++e) image[e] = image[e - 3];
  });
  const std::vector<Image> same(kImages, images.front());
  CHECK(says(uniform, "have one colour"));
  CHECK(says(same, "are all the same"));
  CHECK_FALSE(says(images, "have one colour"));
  CHECK_FALSE(says(images, "are all the same"));
}

TEST_CASE("a layer that something else has scaled after its BatchNorm is left out") {
  const std::vector<Image> images = reddish_images(testing::seed());
  const Graph graph = trained_graph(images);
  const std::vector<TrainedLayer> trained = trained_statistics(graph);
  Graph simple = graph;
  CHECK(simplify(simple).ok());
  std::vector<std::vector<float>> means(simple.values.size());
  for (const Node& node : simple.nodes) {
    means[static_cast<std::size_t>(node.output)].resize(
        static_cast<std::size_t>(simple.value(node.output).shape.channels));
  }
  CHECK(distances_to_training(simple, trained, means).size() == 3);
  filter_of(simple.nodes[0])->bias.edit()[0] += 1;
  CHECK(distances_to_training(simple, trained, means).size() == 2);
}

}  // namespace narrow::graph
