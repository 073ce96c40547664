// What is written for other engines, read back: the same network, integer for integer.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/image.h"
#include "narrow/inspect.h"
#include "narrow/model.h"
#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "tests/pipeline/real_models.h"
#include "tests/support/data.h"

namespace narrow {
inline namespace v0 {
namespace {

const std::filesystem::path kModels = narrow::testing::source_folder() / "models";

// The network that `bytes`, an ONNX file, hold.
FloatModel read_back(const std::vector<std::byte>& bytes, const Preprocessing& preprocessing) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("narrow_export_" + std::to_string(bytes.size()) + ".onnx");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  ImportOptions options;
  options.preprocessing = preprocessing;
  auto model = FloatModel::load(path, options);
  std::filesystem::remove(path);
  return std::move(model).value();
}

void check_same_integers(const Model& model, const PictureSet& images, std::size_t limit) {
  const FloatModel again = read_back(to_onnx(model).value(), model.preprocessing());
  CHECK(again.states_quantization());
  const Model integer = convert(again).value().model;
  const SessionOptions options;
  const std::vector<float> expected = testing::scores_of(model, images, model.preprocessing(), limit, options);
  const std::vector<float> got = testing::scores_of(integer, images, model.preprocessing(), limit, options);
  REQUIRE(got.size() == expected.size());
  CHECK(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0);
  // Narrow ranges survive: not only the function, also what kernels may rely on.
  const auto bits = [](const Model& of) {
    std::vector<int> all;
    for (const LayerInfo& layer : of.layers()) {
      if (layer.weight_bits == 0) continue;
      all.push_back(layer.weight_bits);
      all.push_back(layer.activation_bits);  // 32: it is not rounded before a residual sum
    }
    return all;
  };
  CHECK(bits(integer) == bits(model));
}

TEST_CASE("the shipped model written as QDQ ONNX and read back gives the same scores, bit for bit") {
  const Model model = Model::load(kModels / "cifar10_resnet20b.nrw").value();
  check_same_integers(model, PictureSet::open({kModels / "demo"}).value(), 0);
}

TEST_CASE("every number of bits written as QDQ ONNX and read back gives the same scores, bit for bit") {
  const FloatModel model = FloatModel::load(kModels / "cifar10_resnet20b.pth").value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    CAPTURE(bits);
    QuantizeOptions options;
    options.weight_bits = options.activation_bits = bits;
    check_same_integers(quantize(model, calibration_inputs(images, model.preprocessing()), options).value().model,
                        images, 0);
  }
}

// ONNX Runtime runs a linear layer in integers (QGemm) only where its operands come from DequantizeLinear directly.
TEST_CASE("the last layer of a written network reads dequantized integers directly and writes the scores") {
  const Model model = Model::load(kModels / "cifar10_resnet20b.nrw").value();
  const std::vector<std::byte> bytes = to_onnx(model).value();
  onnx::ModelProto file;
  REQUIRE(file.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::map<std::string, std::string> writer;  // the operator that writes a tensor
  std::map<std::string, int> readers;
  for (const onnx::NodeProto& node : file.graph().node()) {
    writer[node.output(0)] = node.op_type();
    for (const std::string& input : node.input()) ++readers[input];
  }
  const onnx::NodeProto& last = file.graph().node(file.graph().node_size() - 1);
  CHECK(last.op_type() == "Gemm");
  CHECK(last.name() == model.layers().back().name);
  CHECK(last.output(0) == "scores");
  CHECK(file.graph().output(0).name() == "scores");
  for (const std::string& input : last.input()) CHECK(writer[input] == "DequantizeLinear");
  // Nothing is written that nothing reads.
  for (const auto& written : writer) {
    const std::string& tensor = written.first;
    if (tensor != "scores") CHECK_MESSAGE(readers[tensor] > 0, tensor);
  }
}

TEST_CASE("convolutions that are rounded before a residual sum, or not, stay so in ONNX") {
  const FloatModel model = FloatModel::load(kModels / "cifar10_resnet20b.pth").value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  for (const ResidualSums residual_sums : {ResidualSums::kOnce, ResidualSums::kTwice}) {
    QuantizeOptions options;
    options.residual_sums = residual_sums;
    const Model integer = quantize(model, calibration_inputs(images, model.preprocessing()), options).value().model;
    std::size_t in_float = 0;
    for (const LayerInfo& layer : integer.layers())
      in_float += layer.op == "Convolution" && layer.activation_bits == 32;
    CHECK(in_float == (residual_sums == ResidualSums::kOnce ? 9 : 0));
    check_same_integers(integer, images, 0);
  }
}

TEST_CASE("a float network written as ONNX and read back is the same function") {
  const FloatModel model = FloatModel::load(kModels / "cifar10_resnet20b.pth").value();
  const PictureSet images = PictureSet::open({kModels / "demo"}).value();
  const FloatModel again = read_back(to_onnx(model).value(), model.preprocessing());
  CHECK_FALSE(again.states_quantization());
  const std::vector<float> expected = testing::scores_of(model, images, model.preprocessing(), 0);
  const std::vector<float> got = testing::scores_of(again, images, model.preprocessing(), 0);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}

TEST_CASE("MobileNetV2 written as QDQ ONNX and read back gives the same scores, bit for bit") {
  NARROW_NEED_DATA(data);
  testing::RealModel real = testing::mobilenet_v2_cifar();
  real.calibration_limit = 16;
  const FloatModel model = FloatModel::load(data / real.weights, real.import).value();
  const Model integer = testing::quantize_real(real, model, data).model;
  check_same_integers(integer, PictureSet::open({data / real.evaluation}).value(), 8);
}

}  // namespace
}  // namespace v0
}  // namespace narrow
