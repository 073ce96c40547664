// The default model of the repository: runs everywhere, no real data needed.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/pipeline/real_models.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

const std::filesystem::path kModels = narrow::testing::source_folder() / "models";

TEST_CASE("the default model names what every demo image shows") {
  const Model model = Model::load(kModels / "cifar10_resnet20b.nrw").value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  REQUIRE(images.size() == 10);
  Session session = Session::create(model).value();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const LabelledPicture image = images.get(i).value();
    const std::vector<float> scores = session.classify(image.picture).value();
    const std::string& best = model.labels()[static_cast<std::size_t>(top_k(scores, 1)[0].class_index)];
    CHECK_MESSAGE(image.name.find(best + "_drawn") != std::string::npos, image.name, " is taken for ", best);
  }
}

TEST_CASE("the default model gives the same scores on every ISA and with any threads and batch") {
  const Model model = Model::load(kModels / "cifar10_resnet20b.nrw").value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  const std::vector<float> expected =
      testing::scores_of(model, images, model.preprocessing(), 0, {.isa = "scalar", .max_batch = 10});
  for (const std::string& isa : available_isas()) {
    for (const int threads : {1, 2}) {
      for (const int batch : {1, 7}) {
        CAPTURE(isa);
        CAPTURE(threads);
        CAPTURE(batch);
        const std::vector<float> scores = testing::scores_of(model, images, model.preprocessing(), 0,
                                                             {.isa = isa, .threads = threads, .max_batch = batch});
        REQUIRE(scores.size() == expected.size());
        CHECK(std::memcmp(scores.data(), expected.data(), scores.size() * sizeof(float)) == 0);
      }
    }
  }
}

TEST_CASE("every number of bits runs and quantizing twice gives the same file") {
  const FloatModel network = FloatModel::load(kModels / "cifar10_resnet20b.pth").value();
  CHECK(network.architecture() == "cifar_resnet20b");
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  const CalibrationInputs inputs = calibration_inputs(images, network.preprocessing());
  std::vector<float> input(static_cast<std::size_t>(network.input_shape().elems()));
  REQUIRE(inputs.fill(0, input).ok());
  std::size_t smaller_than = SIZE_MAX;
  for (int bits = kMaxBits; bits >= kMinBits; --bits) {
    CAPTURE(bits);
    QuantizeOptions options;
    options.weight_bits = options.activation_bits = bits;
    const Model model = quantize(network, inputs, options).value().model;
    const std::vector<std::byte> file = model.serialize();
    CHECK(file == quantize(network, inputs, options).value().model.serialize());
    CHECK(file.size() < smaller_than);
    smaller_than = file.size();
    Session session = Session::create(model).value();
    std::vector<float> scores(static_cast<std::size_t>(model.classes()));
    REQUIRE(session.run(input, scores).ok());
    for (const float score : scores) CHECK(std::isfinite(score));
  }
}

TEST_CASE("a checkpoint with other labels or another input size than given is refused") {
  ImportOptions options;
  options.labels = {"one", "two"};
  const Result<FloatModel> labels = FloatModel::load(kModels / "cifar10_resnet20b.pth", options);
  REQUIRE(!labels.ok());
  CHECK(labels.error().message.find("10 classes") != std::string::npos);
  options.labels.clear();
  options.preprocessing = preprocessing_preset("imagenet").value();
  const Result<FloatModel> size = FloatModel::load(kModels / "cifar10_resnet20b.pth", options);
  REQUIRE(!size.ok());
  CHECK(size.error().message.find("224x224x3") != std::string::npos);
}

}  // namespace
}  // namespace v0
}  // namespace narrow
