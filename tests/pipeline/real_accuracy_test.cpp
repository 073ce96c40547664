// Real weights, real images: the published float accuracy, and the accuracy in integers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/pipeline/real_models.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

using testing::RealModel;

void check_float_and_8_bits(const RealModel& real, const std::filesystem::path& data) {
  CAPTURE(real.weights);
  const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
  const PictureSet images = PictureSet::open({data / real.evaluation}).value();
  const int in_float = testing::count_correct(model, images, real.evaluation_preprocessing);
  if (real.expected_correct > 0) CHECK(std::abs(in_float - real.expected_correct) <= real.float_tolerance);
  const Quantized quantized = testing::quantize_real(real, model, data);
  const int in_8_bits = testing::count_correct(quantized.model, images, real.evaluation_preprocessing);
  std::printf("%s: float %d, 8/8 %d of %zu\n", real.weights.c_str(), in_float, in_8_bits, images.size());
  CHECK(in_8_bits >= in_float - real.allowed_loss_8_8);
}

std::vector<std::string> warnings(const QuantizeReport& report) {
  std::vector<std::string> texts;
  for (const Event& event : report.events) {
    if (event.kind == Event::Kind::kWarning) texts.push_back(event.text);
  }
  return texts;
}

TEST_CASE("calibration images that are prepared as in training are not warned about, others are, with what fits") {
  NARROW_NEED_DATA(data);
  RealModel real = testing::cifar_resnets().front();
  real.calibration_limit = 64;
  const FloatModel right = FloatModel::load(data / real.weights, real.import).value();
  CHECK(warnings(testing::quantize_real(real, right, data).report).empty());

  // Pixels from 0 to 255.
  const FloatModel wrong = right.with_preprocessing(preprocessing_preset("raw").value()).value();
  const std::vector<std::string> texts = warnings(testing::quantize_real(real, wrong, data).report);
  REQUIRE_FALSE(texts.empty());
  const auto names_it = [](const std::string& text) {
    return text.find("with mean and std of \"imagenet\"") != std::string::npos ||
           text.find("with mean and std of \"cifar10\"") != std::string::npos;
  };
  CHECK(std::any_of(texts.begin(), texts.end(), names_it));
}

TEST_CASE("every CIFAR ResNet keeps its published float accuracy and loses at most 0.6 points at 8/8 bits") {
  NARROW_NEED_DATA(data);
  for (const RealModel& real : testing::cifar_resnets()) check_float_and_8_bits(real, data);
}

TEST_CASE("MobileNetV2 on ImageNet keeps its published float accuracy and loses at most 1.5 points at 8/8 bits") {
  NARROW_NEED_DATA(data);
  check_float_and_8_bits(testing::mobilenet_v2_imagenet(), data);
}

TEST_CASE("MobileNetV2 on CIFAR-10 keeps its published float accuracy and loses at most 1.5 points at 8/8 bits") {
  NARROW_NEED_DATA(data);
  check_float_and_8_bits(testing::mobilenet_v2_cifar(), data);
}

TEST_CASE("MobileNetV2 0.35 with TensorFlow padding loses at most 1.5 points at 8/8 bits") {
  NARROW_NEED_DATA(data);
  check_float_and_8_bits(testing::mobilenet_v2_035_tiny_imagenet(), data);
}

TEST_CASE("ResNet-20 at 6/6 bits stays within 2 points of float") {
  NARROW_NEED_DATA(data);
  const RealModel real = testing::cifar_resnets().front();
  CHECK(testing::count_correct_at(6, real, data) >= real.expected_correct - 10);
}

TEST_CASE("ResNet-20 loses at most 2 points at 4/8 and 4/4 bits and 10 at 2/2 and its weights shrink with the bits") {
  NARROW_NEED_DATA(data);
  const RealModel real = testing::cifar_resnets().front();
  const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
  const PictureSet images = PictureSet::open({data / real.evaluation}).value();
  std::size_t bytes_at_8 = testing::quantize_real(real, model, data).model.serialize().size();
  struct Width {
    int weight_bits, activation_bits, allowed_loss;
  };
  for (const Width& width : {Width{4, 8, 10}, Width{4, 4, 10}, Width{2, 2, 50}}) {
    CAPTURE(width.weight_bits);
    CAPTURE(width.activation_bits);
    QuantizeOptions options;
    options.weight_bits = width.weight_bits;
    options.activation_bits = width.activation_bits;
    const Quantized quantized = testing::quantize_real(real, model, data, options);
    const int correct = testing::count_correct(quantized.model, images, real.evaluation_preprocessing);
    std::printf("%d/%d: %d of %zu\n", width.weight_bits, width.activation_bits, correct, images.size());
    CHECK(correct >= real.expected_correct - width.allowed_loss);
    CHECK(quantized.model.serialize().size() < bytes_at_8 * static_cast<std::size_t>(width.weight_bits) / 8 + 40000);
  }
}

TEST_CASE("scores are the same byte for byte on every ISA and with any threads and batch") {
  NARROW_NEED_DATA(data);
  std::vector<RealModel> models = testing::cifar_resnets();
  models.resize(1);
  models.push_back(testing::mobilenet_v2_cifar());
  for (const RealModel& real : models) {
    CAPTURE(real.weights);
    const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
    const PictureSet images = PictureSet::open({data / real.evaluation}).value();
    const Quantized quantized = testing::quantize_real(real, model, data);
    constexpr std::size_t kImages = 13;
    const auto scores = [&](const SessionOptions& options) {
      return testing::scores_of(quantized.model, images, real.evaluation_preprocessing, kImages, options);
    };
    const std::vector<float> expected = scores({.isa = "scalar", .threads = 2});
    for (const std::string& isa : available_isas()) {
      for (const int threads : {1, 2, 3}) {
        for (const int batch : {1, 4, 13}) {
          CAPTURE(isa);
          CAPTURE(threads);
          CAPTURE(batch);
          if (isa == "scalar" && batch != 4) continue;  // slow, and the reference is the same code
          const std::vector<float> got = scores({.isa = isa, .threads = threads, .max_batch = batch});
          REQUIRE(got.size() == expected.size());
          CHECK(std::memcmp(got.data(), expected.data(), expected.size() * sizeof(float)) == 0);
        }
      }
    }
  }
}

TEST_CASE("a quantized model survives the file unchanged and calibration does not depend on threads") {
  NARROW_NEED_DATA(data);
  const RealModel real = testing::cifar_resnets().front();
  const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
  const PictureSet images = PictureSet::open({data / real.calibration}).value();
  std::vector<std::vector<std::byte>> files;
  for (const int threads : {1, 2, 3}) {
    for (const ObserverKind observer : {ObserverKind::kMinMax, ObserverKind::kMovingAverage}) {
      QuantizeOptions options;
      options.threads = threads;
      options.observer = observer;
      const Quantized quantized =
          quantize(model, calibration_inputs(images, model.preprocessing(), 64), options).value();
      files.push_back(quantized.model.serialize());
      CHECK(Model::parse(files.back()).value().serialize() == files.back());
    }
  }
  CHECK(files[0] == files[2]);
  CHECK(files[0] == files[4]);
  CHECK(files[1] == files[3]);
  CHECK(files[1] == files[5]);
  CHECK(files[0] != files[1]);
}

}  // namespace
}  // namespace v0
}  // namespace narrow
