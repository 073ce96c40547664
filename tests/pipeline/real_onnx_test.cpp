// Real ONNX files, real images: the published float accuracy, 8 bits, and pre-quantized networks.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/model/model_data.h"
#include "narrow/inspect.h"
#include "pipeline/float_model_data.h"
#include "tests/pipeline/real_models.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"

namespace narrow {
inline namespace v0 {
namespace {

using testing::RealModel;

TEST_CASE("every float ONNX file keeps its published accuracy and loses little at 8/8 bits with the fast effort") {
  NARROW_NEED_DATA(data);
  for (const RealModel& real : testing::onnx_models()) {
    CAPTURE(real.weights);
    const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
    CHECK_FALSE(model.states_quantization());
    const PictureSet images = PictureSet::open({data / real.evaluation}).value();
    const int in_float = testing::count_correct(model, images, real.evaluation_preprocessing);
    if (real.expected_correct > 0) CHECK(std::abs(in_float - real.expected_correct) <= real.float_tolerance);
    // The checkpoints of these networks are quantized with the default effort (real_accuracy_test.cpp).
    QuantizeOptions options;
    options.effort = Effort::kFast;
    const Quantized quantized = testing::quantize_real(real, model, data, options);
    const int in_8_bits = testing::count_correct(quantized.model, images, real.evaluation_preprocessing);
    std::printf("%s: float %d, 8/8 %d of %zu\n", real.weights.c_str(), in_float, in_8_bits, images.size());
    CHECK(in_8_bits >= in_float - real.allowed_loss_8_8);
  }
}

TEST_CASE("MobileNetV1 loses at most 3 points at 4/4 bits") {
  NARROW_NEED_DATA(data);
  const RealModel real = testing::mobilenet_v1_imagenet();
  CHECK(testing::count_correct_at(4, real, data) >= real.expected_correct - 15);
}

// Largest difference of two networks' scores on some images, relative to the largest score.
double relative_difference(const FloatModel& a, const FloatModel& b, const PictureSet& images,
                           const Preprocessing& preprocessing) {
  constexpr std::size_t kImages = 8;
  const std::vector<float> of_a = testing::scores_of(a, images, preprocessing, kImages);
  const std::vector<float> of_b = testing::scores_of(b, images, preprocessing, kImages);
  REQUIRE(of_a.size() == of_b.size());
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    largest = std::max(largest, std::abs(double{of_a[i]}));
    difference = std::max(difference, std::abs(double{of_a[i]} - of_b[i]));
  }
  REQUIRE(largest > 0);
  return difference / largest;
}

TEST_CASE("checkpoint, ONNX with BatchNorm, folded by the exporter, and raw export are one network") {
  NARROW_NEED_DATA(data);
  for (const testing::SameNetwork& same : testing::same_networks()) {
    const FloatModel checkpoint = FloatModel::load(data / same.checkpoint.weights, same.checkpoint.import).value();
    const PictureSet images = PictureSet::open({data / same.checkpoint.evaluation}).value();
    for (const std::string& file : same.onnx) {
      CAPTURE(file);
      ImportOptions options;
      options.preprocessing = checkpoint.preprocessing();
      const FloatModel onnx = FloatModel::load(data / file, options).value();
      CHECK(relative_difference(checkpoint, onnx, images, same.checkpoint.evaluation_preprocessing) < 1e-4);
    }
  }
}

// Every layer computes on integers; only the scores are float32, and convolutions that are added to a residual before
// they are rounded.
void check_integer_from_end_to_end(const Model& model) {
  const std::vector<LayerInfo> layers = model.layers();
  int added = 0;
  int sums = 0;
  for (const LayerInfo& layer : layers) {
    CAPTURE(layer.name);
    CAPTURE(layer.op);
    CHECK(layer.weight_bits <= kMaxBits);
    if (layer.detail.starts_with("not rounded: ")) ++sums;
    const bool writes_scores = &layer == &layers.back();
    if (writes_scores || layer.activation_bits <= kMaxBits) continue;
    CHECK(layer.op == "Convolution");
    ++added;
  }
  CHECK(added == sums);
}

int layers_with_bits(const Model& model, int bits) {
  const std::vector<LayerInfo> layers = model.layers();
  return static_cast<int>(
      std::count_if(layers.begin(), layers.end(), [&](const LayerInfo& layer) { return layer.weight_bits == bits; }));
}

TEST_CASE("pre-quantized networks run in integers without calibration, with their published accuracy") {
  NARROW_NEED_DATA(data);
  for (const testing::PreQuantizedModel& network : testing::fully_pre_quantized_models()) {
    CAPTURE(network.real.weights);
    const FloatModel model = FloatModel::load(data / network.real.weights, network.real.import).value();
    CHECK(model.states_quantization());
    const Model integer = convert(model).value().model;
    check_integer_from_end_to_end(integer);
    const PictureSet images = PictureSet::open({data / network.real.evaluation}).value();
    const int correct = testing::count_correct(integer, images, network.real.evaluation_preprocessing);
    std::printf("%s: %d of %zu\n", network.real.weights.c_str(), correct, images.size());
    CHECK(100.0 * correct / static_cast<double>(images.size()) >= network.expected_percent - network.may_lose);
  }
}

// Both graphs in float64, without kernels. Where biases are pre-quantized too, nothing is left to round: the two
// differ at ties only, which the last bit of a quotient of scales decides. There is one in 10^7 numbers, and one early
// in the network spreads to half of all numbers after it; so about every other image has one. An error of the
// conversion would be in all of them.
TEST_CASE("a QLinear network that became integers gives the scores of its file") {
  NARROW_NEED_DATA(data);
  constexpr std::size_t kImages = 12;
  const testing::PreQuantizedModel zoo = testing::fully_pre_quantized_models().back();
  const FloatModel model = FloatModel::load(data / zoo.real.weights, zoo.real.import).value();
  const Model integer = convert(model).value().model;
  const PictureSet images = PictureSet::open({data / zoo.real.evaluation}).value();
  std::size_t fewest = static_cast<std::size_t>(model.classes());
  for (std::size_t i = 0; i < kImages && fewest > 2; ++i) {
    std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
    preprocess(images.get(i).value().picture, zoo.real.evaluation_preprocessing, input).value();
    const std::vector<double> of_file = testing::evaluate(model.data().graph, {input.begin(), input.end()});
    const std::vector<double> of_integers = testing::evaluate(integer.data().graph, {input.begin(), input.end()});
    REQUIRE(of_file.size() == of_integers.size());
    std::size_t different = 0;
    for (std::size_t c = 0; c < of_file.size(); ++c) {
      if (std::abs(of_integers[c] - of_file[c]) > 1e-6 * std::abs(of_file[c])) ++different;
    }
    fewest = std::min(fewest, different);
  }
  CHECK(fewest <= 2);
}

TEST_CASE("networks that were trained with few bits keep their accuracy in integers and their weights in those bits") {
  NARROW_NEED_DATA(data);
  for (const testing::PreQuantizedModel& network : testing::partly_pre_quantized_models()) {
    CAPTURE(network.real.weights);
    const FloatModel model = FloatModel::load(data / network.real.weights, network.real.import).value();
    CHECK(model.states_quantization());
    const Model integer = testing::quantize_real(network.real, model, data).model;
    check_integer_from_end_to_end(integer);
    CHECK(layers_with_bits(integer, network.weight_bits) == network.narrow_layers);
    const PictureSet images = PictureSet::open({data / network.real.evaluation}).value();
    const int correct = testing::count_correct(integer, images, network.real.evaluation_preprocessing);
    std::printf("%s: %d of %zu\n", network.real.weights.c_str(), correct, images.size());
    CHECK(100.0 * correct / static_cast<double>(images.size()) >= network.expected_percent - network.may_lose);
  }
}

}  // namespace
}  // namespace v0
}  // namespace narrow
