// Real checkpoints: all are read, and the networks give the logits that their origin gave.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "importers/architectures/architectures.h"
#include "importers/torch/zip_archive.h"
#include "tests/importers/torch/checkpoint_support.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"

using narrow::ArchitectureOptions;
using narrow::torch::read_checkpoint;

namespace {

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Elements of an array in NumPy's .npy format: magic, version 1.0, length of the header (2 bytes), header, data.
template <class T>
std::vector<T> npy_values(const std::vector<std::byte>& npy) {
  const std::size_t header =
      10 + std::to_integer<std::size_t>(npy.at(8)) + 256 * std::to_integer<std::size_t>(npy.at(9));
  std::vector<T> values((npy.size() - header) / sizeof(T));
  std::memcpy(values.data(), npy.data() + header, values.size() * sizeof(T));
  return values;
}

struct Golden {
  std::vector<std::uint8_t> pixels;  // [images, height, width, 3]
  std::vector<float> logits;         // [images, classes]
};

Golden read_golden(const std::filesystem::path& path) {
  const std::string bytes = file_bytes(path);
  auto archive = narrow::torch::ZipArchive::open(narrow::testing::as_span(bytes), path.string());
  REQUIRE(archive.ok());
  return {npy_values<std::uint8_t>(archive->read("x_u8_nhwc.npy").value()),
          npy_values<float>(archive->read("logits.npy").value())};
}

// The first golden image through the raw graph, in float64, against the logits of PyTorch.
void check_logits(const std::filesystem::path& checkpoint, const std::string& architecture,
                  const ArchitectureOptions& options, const std::filesystem::path& golden_path) {
  const auto weights = read_checkpoint(checkpoint);
  if (!weights.ok()) FAIL(weights.error().text());
  const auto network = narrow::importers::build_network(*weights, options);
  if (!network.ok()) FAIL(network.error().text());
  CHECK(network->architecture == architecture);

  const Golden golden = read_golden(golden_path);
  const narrow::Preprocessing& preprocessing = network->preprocessing;
  std::vector<double> input(static_cast<std::size_t>(network->graph.value(network->graph.input).shape.elems()));
  REQUIRE(golden.pixels.size() >= input.size());
  for (std::size_t i = 0; i < input.size(); ++i) {
    input[i] = (golden.pixels[i] / 255.0 - static_cast<double>(preprocessing.mean[i % 3])) /
               static_cast<double>(preprocessing.std[i % 3]);
  }
  const std::vector<double> scores = narrow::testing::evaluate(network->graph, input);
  REQUIRE(golden.logits.size() >= scores.size());
  double largest = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    largest = std::max(largest, std::fabs(scores[i] - static_cast<double>(golden.logits[i])));
  }
  CHECK(largest < 1e-4);
}

}  // namespace

TEST_CASE("every real checkpoint is read with all its keys") {
  NARROW_NEED_DATA(data);
  struct Expected {
    const char* file;
    std::size_t keys;
  };
  for (const Expected& expected : {
           Expected{"resnet20_cifar10_akamaster/resnet20_cifar10_akamaster.pth", 116},
           {"resnet20_cifar10_akamaster/resnet20.legacy.th", 97},
           {"resnet56_cifar10_akamaster/resnet56_cifar10_akamaster.pth", 332},
           {"resnet56_cifar10_akamaster/resnet56.legacy.th", 277},
           {"resnet20b_cifar10_metaquant/resnet20b_cifar10_metaquant.pth", 128},
           {"resnet20b_cifar10_apot_w2/resnet20b_cifar10_apot_w2.pth", 168},
           {"resnet8_cifar10_mlperftiny/resnet8_cifar10_mlperftiny.pth", 55},
           {"mnist_resnet10_2bit_uniform_qat/mnist_resnet10_2bit_uniform_qat.pth", 96},
           {"mnist_resnet10_4bit_uniform_qat/mnist_resnet10_4bit_uniform_qat.pth", 96},
           {"mobilenet_v1_025_224_imagenet/mobilenet_v1_025_224_imagenet.pth", 164},
           {"mobilenet_v2_100_224_imagenet_recon/mobilenet_v2_100_224_imagenet_recon.pth", 314},
           {"mobilenet_v2_100_cifar10_recon/mobilenet_v2_100_cifar10_recon.pth", 314},
           {"mobilenet_v2_035_128_tinyimagenet200/mobilenet_v2_035_128_tinyimagenet200.pth", 314},
       }) {
    CAPTURE(expected.file);
    const auto weights = read_checkpoint(data / "models" / expected.file);
    if (!weights.ok()) FAIL_CHECK(weights.error().text());
    if (!weights.ok()) continue;
    CHECK(weights->entries.size() == expected.keys);
    for (const auto& entry : weights->entries) CHECK(entry.first.substr(0, 7) != "module.");
  }
}

TEST_CASE("real ResNet-20 in both formats gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "resnet20_cifar10_akamaster";
  check_logits(folder / "resnet20_cifar10_akamaster.pth", "cifar_resnet20", {}, folder / "golden.npz");
  check_logits(folder / "resnet20.legacy.th", "cifar_resnet20", {}, folder / "golden.npz");
}

TEST_CASE("real ResNet-20 with convolution shortcuts gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "resnet20b_cifar10_metaquant";
  check_logits(folder / "resnet20b_cifar10_metaquant.pth", "cifar_resnet20b", {}, folder / "golden.npz");
}

TEST_CASE("real MobileNetV2 for CIFAR-10 gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "mobilenet_v2_100_cifar10_recon";
  ArchitectureOptions options;
  options.input_size = {32, 32};
  options.stride_2_blocks = std::vector<int>{0, 4, 14};
  check_logits(folder / "mobilenet_v2_100_cifar10_recon.pth", "mobilenet_v2", options, folder / "golden.npz");
}

TEST_CASE("real MobileNetV2 with TensorFlow padding gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "mobilenet_v2_035_128_tinyimagenet200";
  ArchitectureOptions options;
  options.input_size = {128, 128};
  options.tf_padding = true;
  options.batch_norm_epsilon = 1e-3;
  check_logits(folder / "mobilenet_v2_035_128_tinyimagenet200.pth", "mobilenet_v2", options, folder / "golden.npz");
}

TEST_CASE("real MobileNetV2 for ImageNet gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "mobilenet_v2_100_224_imagenet_recon";
  check_logits(folder / "mobilenet_v2_100_224_imagenet_recon.pth", "mobilenet_v2", {}, folder / "golden.npz");
}

TEST_CASE("real ResNet-8 of MLPerf Tiny gives the logits of its origin") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "resnet8_cifar10_mlperftiny";
  check_logits(folder / "resnet8_cifar10_mlperftiny.pth", "mlperf_tiny_resnet8", {}, folder / "golden.npz");
}

TEST_CASE("real checkpoint cut off anywhere is refused") {
  NARROW_NEED_DATA(data);
  const auto folder = data / "models" / "resnet20_cifar10_akamaster";
  for (const char* name : {"resnet20_cifar10_akamaster.pth", "resnet20.legacy.th"}) {
    const std::string whole = file_bytes(folder / name);
    REQUIRE(narrow::testing::parse(whole).ok());
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 200) {
      REQUIRE_FALSE(narrow::testing::parse(whole.substr(0, length)).ok());
    }
    REQUIRE_FALSE(narrow::testing::parse(whole.substr(0, whole.size() - 1)).ok());
  }
}
