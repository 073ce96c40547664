// FloatModel::load: formats told by content, and what an ONNX file and a .nrw say about themselves.
#include <doctest/doctest.h>

#include <algorithm>
#include <cfenv>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "narrow/float_model.h"
#include "narrow/image.h"
#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "narrow/safetensors.h"
#include "pipeline/float_model_data.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

const std::filesystem::path kModels = narrow::testing::source_folder() / "models";
const std::filesystem::path kCheckpoint = kModels / "cifar10_resnet20b.pth";
const std::filesystem::path kInteger = kModels / "cifar10_resnet20b.nrw";

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<float> scores(const FloatModel& model) {
  std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i * 37 % 101) / 50.0F - 1.0F;
  std::vector<float> out(static_cast<std::size_t>(model.classes()));
  FloatSession session = FloatSession::create(model).value();
  session.run(input, out).value();
  return out;
}

}  // namespace

TEST_CASE("float models, their sessions and sets of images are safe to use after they were moved from") {
  // NOLINTBEGIN(bugprone-use-after-move,performance-move-const-arg)
  FloatModel model = FloatModel::load(kCheckpoint).value();
  const FloatModel moved = std::move(model);
  CHECK(model.classes() == moved.classes());
  CHECK(scores(model) == scores(moved));
  FloatSession first = FloatSession::create(model).value();
  FloatSession second = std::move(first);
  std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
  std::vector<float> out(10);
  const Status status = first.run(input, out);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kInvalidArgument);
  first = std::move(second);
  CHECK(first.run(input, out).ok());
  PictureSet set = PictureSet::open({kModels / "demo"}).value();
  const PictureSet other = std::move(set);
  CHECK(set.size() == other.size());
  CHECK(set.get(0).ok());
  // NOLINTEND(bugprone-use-after-move,performance-move-const-arg)
}

TEST_CASE("importing and quantizing do not depend on the caller's rounding mode") {
  const auto quantized = [] {
    const FloatModel model = FloatModel::load(kCheckpoint).value();
    const PictureSet images = PictureSet::open({kModels / "demo"}).value();
    const CalibrationInputs inputs = calibration_inputs(images, model.preprocessing(), 4);
    std::vector<std::vector<std::byte>> files = {quantize(model, inputs).value().model.serialize(),
                                                 convert(model).value().model.serialize()};
    std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()));
    for (std::size_t i = 0; i < images.size(); ++i) {
      preprocess(images.get(i).value().picture, model.preprocessing(), input).value();
      std::vector<float> out(10);
      FloatSession::create(model).value().run(input, out).value();
      std::vector<std::byte>& bytes = files.emplace_back(out.size() * sizeof(float));
      std::memcpy(bytes.data(), out.data(), bytes.size());
    }
    return files;
  };
  const auto expected = quantized();
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    REQUIRE(std::fesetround(mode) == 0);
    const auto files = quantized();
    const int mode_after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    CHECK(mode_after == mode);
    REQUIRE(files.size() == expected.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
      CAPTURE(i);
      CHECK(files[i] == expected[i]);
    }
  }
}

TEST_CASE("formats are told by content whatever the name") {
  const testing::TemporaryFolder folder;
  const auto copy_is = [&](const std::filesystem::path& from, const char* name) {
    std::filesystem::copy_file(from, folder.path() / name);
    return detect_format(folder.path() / name).value();
  };
  CHECK(copy_is(kCheckpoint, "a.onnx") == FileFormat::kTorch);
  CHECK(copy_is(kInteger, "b.pth") == FileFormat::kNarrow);
  write(folder.path() / "weights", to_safetensors(kCheckpoint).value());
  CHECK(copy_is(folder.path() / "weights", "c.nrw") == FileFormat::kSafetensors);
  write(folder.path() / "network", to_onnx(FloatModel::load(kCheckpoint).value()).value());
  CHECK(copy_is(folder.path() / "network", "d.safetensors") == FileFormat::kOnnx);

  // The first bytes of a safetensors file are a length, so they may be those of any other format.
  const auto safetensors_of = [](std::uint64_t length) {
    std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    header.resize(static_cast<std::size_t>(length), ' ');
    std::vector<std::byte> file(8 + header.size() + 4);
    std::memcpy(file.data(), &length, 8);
    std::memcpy(file.data() + 8, header.data(), header.size());
    return file;
  };
  for (std::uint64_t length = 64; length < 64 + 512; ++length) {
    CAPTURE(length);
    write(folder.path() / "length.pth", safetensors_of(length));
    CHECK(detect_format(folder.path() / "length.pth").value() == FileFormat::kSafetensors);
  }
  write(folder.path() / "length.onnx", safetensors_of(0x4B50));  // "PK"
  CHECK(detect_format(folder.path() / "length.onnx").value() == FileFormat::kSafetensors);

  // If the content matches no format, the name chooses the reader that reports the error.
  for (const auto& [name, format] :
       {std::pair("e.pth", FileFormat::kTorch), std::pair("e.nrw", FileFormat::kNarrow),
        std::pair("e.onnx", FileFormat::kOnnx), std::pair("e.safetensors", FileFormat::kSafetensors)}) {
    write(folder.path() / name, {});
    CHECK(detect_format(folder.path() / name).value() == format);
    CHECK_FALSE(FloatModel::load(folder.path() / name).ok());
  }
  write(folder.path() / "unknown", {});
  CHECK(detect_format(folder.path() / "unknown").error().code == ErrorCode::kMalformed);
  CHECK(detect_format(folder.path()).error().code == ErrorCode::kIo);
  CHECK(detect_format(folder.path() / "none").error().code == ErrorCode::kNotFound);
}

TEST_CASE("one network in four formats gives one network's scores") {
  const testing::TemporaryFolder folder;
  const FloatModel checkpoint = FloatModel::load(kCheckpoint).value();
  const std::vector<float> expected = scores(checkpoint);

  write(folder.path() / "weights", to_safetensors(kCheckpoint).value());
  const FloatModel safetensors = FloatModel::load(folder.path() / "weights").value();
  CHECK(scores(safetensors) == expected);
  CHECK(safetensors.preprocessing() == checkpoint.preprocessing());

  convert(checkpoint).value().model.save(folder.path() / "network.nrw").value();
  const FloatModel nrw = FloatModel::load(folder.path() / "network.nrw").value();
  CHECK(scores(nrw) == expected);
  CHECK(nrw.preprocessing() == checkpoint.preprocessing());
  CHECK(nrw.labels() == checkpoint.labels());
  CHECK(nrw.architecture() == checkpoint.architecture());
  CHECK_FALSE(nrw.preprocessing_is_assumed());

  write(folder.path() / "network.onnx", to_onnx(checkpoint).value());
  const FloatModel onnx = FloatModel::load(folder.path() / "network.onnx").value();
  const std::vector<float> of_onnx = scores(onnx);
  REQUIRE(of_onnx.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(of_onnx[i] == doctest::Approx(expected[i]).epsilon(1e-4));
  CHECK(onnx.labels().empty());
  CHECK_FALSE(onnx.states_quantization());
  CHECK(onnx.score_kind() == ScoreKind::kLogits);
  // ImageNet's numbers, and an image of 32 pixels is not cropped.
  CHECK(onnx.preprocessing_is_assumed());
  Preprocessing assumed = preprocessing_preset("imagenet").value();
  assumed.resize = assumed.crop_height = assumed.crop_width = 32;
  CHECK(onnx.preprocessing() == assumed);
  ImportOptions options;
  options.preprocessing = checkpoint.preprocessing();
  CHECK_FALSE(FloatModel::load(folder.path() / "network.onnx", options).value().preprocessing_is_assumed());
}

TEST_CASE("a network in memory is the network of the file in each format") {
  const testing::TemporaryFolder folder;
  const FloatModel checkpoint = FloatModel::load(kCheckpoint).value();
  convert(checkpoint).value().model.save(folder.path() / "network.nrw").value();
  write(folder.path() / "network.onnx", to_onnx(checkpoint).value());
  write(folder.path() / "weights.safetensors", to_safetensors(kCheckpoint).value());
  ImportOptions options;
  options.labels.assign(10, "a class");
  for (const std::filesystem::path& path : {kCheckpoint, folder.path() / "network.nrw", folder.path() / "network.onnx",
                                            folder.path() / "weights.safetensors"}) {
    CAPTURE(path.string());
    std::vector<std::byte> bytes = read(path);
    const FloatModel loaded = FloatModel::load(path, options).value();
    const FloatModel parsed = FloatModel::parse(bytes, "the bytes", options).value();
    // The bytes are not needed any more.
    std::fill(bytes.begin(), bytes.end(), std::byte{0xA5});
    CHECK(scores(parsed) == scores(loaded));
    CHECK(parsed.preprocessing() == loaded.preprocessing());
    CHECK(parsed.labels() == options.labels);
    CHECK(parsed.log().size() == loaded.log().size());
    if (path.extension() != ".nrw") CHECK(parsed.source() == "the bytes");
    // Errors name the bytes.
    std::vector<std::byte> half = read(path);
    half.resize(half.size() / 2);
    const Result<FloatModel> cut = FloatModel::parse(half, "half of it");
    REQUIRE_FALSE(cut.ok());
    CHECK(cut.error().where.rfind("half of it", 0) == 0);
  }
}

TEST_CASE("bytes of no format and integer networks in memory are refused by name") {
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(5000, '\0'), std::string("hello, world")}) {
    const Result<FloatModel> refused = FloatModel::parse(std::as_bytes(std::span(text)), "buffer");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kMalformed);
    CHECK(refused.error().where == "buffer");
  }
  const Result<FloatModel> integer = FloatModel::parse(read(kInteger), "buffer");
  REQUIRE_FALSE(integer.ok());
  CHECK(integer.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("an integer network is no float network and comes through ONNX as a pre-quantized one") {
  const testing::TemporaryFolder folder;
  const auto refused = FloatModel::load(kInteger);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(refused.error().message.find("integer network") != std::string::npos);
  const Model model = Model::load(kInteger).value();
  write(folder.path() / "qdq.onnx", to_onnx(model).value());
  CHECK(FloatModel::load(folder.path() / "qdq.onnx").value().states_quantization());
}

TEST_CASE("settings of an architecture are refused where the file holds its network") {
  const testing::TemporaryFolder folder;
  const FloatModel checkpoint = FloatModel::load(kCheckpoint).value();
  write(folder.path() / "network.onnx", to_onnx(checkpoint).value());
  convert(checkpoint).value().model.save(folder.path() / "network.nrw").value();
  for (const char* name : {"network.onnx", "network.nrw"}) {
    const auto refused = [&](const ArchitectureOptions& architecture) {
      ImportOptions options;
      options.architecture = architecture;
      const auto loaded = FloatModel::load(folder.path() / name, options);
      return !loaded.ok() && loaded.error().code == ErrorCode::kInvalidArgument;
    };
    CAPTURE(name);
    ArchitectureOptions given;
    given.name = "resnet18";
    CHECK(refused(given));
    given = {};
    given.tf_padding = false;
    CHECK(refused(given));
    given = {};
    given.batch_norm_epsilon = 1e-3;
    CHECK(refused(given));
    given = {};
    given.stride_2_blocks = std::vector<int>{0};
    CHECK(refused(given));
    given = {};
    given.input_size = {64, 64};
    CHECK(refused(given));
    given.input_size = {32, 32};
    CHECK_FALSE(refused(given));
  }
}

TEST_CASE("the whole image is assumed for a network that is not square, and no numbers for one of other channels") {
  const auto onnx_of = [](const TensorShape& input) {
    auto data = std::make_shared<FloatModel::Data>();
    data->graph.input = data->graph.add_value("input", input);
    data->graph.output = data->graph.add_node("mean", graph::GlobalAveragePool{}, {data->graph.input}).value();
    data->preprocessing.crop_height = static_cast<int>(input.height);
    data->preprocessing.crop_width = static_cast<int>(input.width);
    return to_onnx(FloatModel(std::move(data))).value();
  };
  struct Case {
    TensorShape input;
    int resize;
    std::optional<int> resize_width;
  };
  for (const Case& c : {Case{{224, 224, 3}, 256, std::nullopt},
                        {{32, 32, 3}, 32, std::nullopt},
                        {{48, 192, 3}, 48, 192},
                        {{640, 480, 3}, 640, 480}}) {
    const Preprocessing assumed = FloatModel::parse(onnx_of(c.input)).value().preprocessing();
    CHECK(assumed.resize == c.resize);
    CHECK(assumed.resize_width == c.resize_width);
    CHECK(assumed.crop_height == c.input.height);
    CHECK(assumed.crop_width == c.input.width);
  }
  ImportOptions given;
  given.preprocessing = preprocessing_preset("cifar10").value();
  for (const ImportOptions& options : {ImportOptions{}, given}) {
    const auto refused = FloatModel::parse(onnx_of({32, 32, 4}), "network", options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message ==
          "the network takes 4 channels; images have 3 (RGB) or 1 (gray); export a network of RGB or gray images");
  }
}

TEST_CASE("a loaded network takes other numbers of preprocessing, if they make images of its size") {
  const FloatModel loaded = FloatModel::load(kCheckpoint).value();
  Preprocessing other = loaded.preprocessing();
  other.resize = 40;
  other.mean = {0.25F, 0.5F, 0.75F};
  const FloatModel changed = loaded.with_preprocessing(other).value();
  CHECK(changed.preprocessing() == other);
  CHECK_FALSE(changed.preprocessing_is_assumed());
  CHECK(loaded.preprocessing() != other);
  CHECK(scores(changed) == scores(loaded));
  ImportOptions options;
  options.preprocessing = other;
  CHECK(convert(changed).value().model.serialize() ==
        convert(FloatModel::load(kCheckpoint, options).value()).value().model.serialize());

  other.crop_height = 24;
  const auto refused = loaded.with_preprocessing(other);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kInvalidArgument);
  CHECK(refused.error().message.find("24x32x3") != std::string::npos);
}

TEST_CASE("a float session refuses NaN and infinity in its input and says where") {
  const FloatModel model = FloatModel::load(kCheckpoint).value();
  FloatSession session = FloatSession::create(model).value();
  std::vector<float> input(static_cast<std::size_t>(model.input_shape().elems()), 0.5F);
  std::vector<float> found(static_cast<std::size_t>(model.classes()));
  REQUIRE(session.run(input, found).ok());
  const std::size_t last = input.size() - 1;
  for (const auto& [value, text] : {std::pair{std::numeric_limits<float>::quiet_NaN(), "is NaN in image 0"},
                                    std::pair{std::numeric_limits<float>::infinity(), "is infinity in image 0"},
                                    std::pair{-std::numeric_limits<float>::infinity(), "is -infinity in image 0"}}) {
    input[last] = value;
    const std::vector<float> before = found;
    const Status refused = session.run(input, found);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kInvalidArgument);
    CHECK(refused.error().where == "input");
    CHECK(refused.error().message ==
          std::string(text) + ", row 31, column 31, channel 2 (element " + std::to_string(last) + ")");
    CHECK(found == before);
    input[last] = 0.5F;
  }
  CHECK(session.run(input, found).ok());
}

TEST_CASE("a network's ONNX operators are public") {
  const std::vector<OnnxOperator> operators = onnx_operators();
  CHECK(operators.size() > 40);
  for (const OnnxOperator& row : operators) CHECK_FALSE(row.name.empty());
}

}  // namespace v0
}  // namespace narrow
