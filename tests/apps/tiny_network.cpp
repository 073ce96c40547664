#include "tests/apps/tiny_network.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "pipeline/float_model_data.h"
#include "tests/apps/command.h"

namespace narrow::testing {
namespace {

std::vector<float> random_numbers(std::mt19937& random, std::size_t count) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000.0F;
  return numbers;
}

std::string big_endian(int value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>((value >> shift) & 255));
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes.push_back(static_cast<char>(128 | (value & 127)));
  return bytes + static_cast<char>(value);
}

// A field of a protobuf message that has bytes.
std::string bytes_field(std::uint64_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}

// What replaces a field that has bytes: its number and they.
using Replace = std::function<std::string(std::uint64_t number, const std::string& bytes)>;
// A protobuf message of numbers and fields that have bytes, with the latter replaced.
std::string replaced(const std::string& message, const Replace& replace) {
  std::string result;
  std::size_t at = 0;
  const auto next = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t tag = next();
    const std::uint64_t value = next();
    REQUIRE(((tag & 7) == 0 || (tag & 7) == 2));
    if ((tag & 7) == 0) {
      result += varint(tag) + varint(value);
      continue;
    }
    result += replace(tag >> 3, message.substr(at, value));
    at += value;
  }
  return result;
}

}  // namespace

FloatModel tiny_network(const TinyNetwork& tiny) {
  std::mt19937 random(7);
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  const int width = tiny.width > 0 ? tiny.width : tiny.side;
  graph.input = graph.add_value("input", {tiny.side, width, tiny.channels});
  graph::Convolution convolution;
  convolution.window.kernel_h = convolution.window.kernel_w = 3;
  convolution.window.pad = {1, 1, 1, 1};
  convolution.out_channels = 8;
  convolution.filter.weights = random_numbers(random, std::size_t{8 * 9} * static_cast<std::size_t>(tiny.channels));
  convolution.filter.bias = random_numbers(random, 8);
  Clamp relu;
  relu.lo = 0;
  graph::ValueId at = graph.add_node(tiny.prefix + "conv", convolution, {graph.input}, relu).value();
  for (int i = 0; i < tiny.more_layers; ++i) {
    graph::Convolution more;
    more.out_channels = 8;
    more.filter.weights = random_numbers(random, 64);
    more.filter.bias = random_numbers(random, 8);
    at = graph.add_node(tiny.prefix + "more" + std::to_string(i), more, {at}, relu).value();
  }
  at = graph.add_node(tiny.prefix + "pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = tiny.classes;
  linear.filter.weights = random_numbers(random, std::size_t{8} * static_cast<std::size_t>(tiny.classes));
  linear.filter.bias = random_numbers(random, static_cast<std::size_t>(tiny.classes));
  at = graph.add_node(tiny.prefix + "fc", linear, {at}).value();
  if (tiny.softmax) at = graph.add_node("prob", graph::Softmax{}, {at}).value();
  if (tiny.sigmoid) {
    graph::Function sigmoid;
    sigmoid.kind = graph::FunctionKind::kSigmoid;
    at = graph.add_node("prob", sigmoid, {at}).value();
  }
  if (tiny.root) {
    graph::Function root;
    root.kind = graph::FunctionKind::kPower;
    root.alpha = 0.5F;
    at = graph.add_node("root", root, {at}).value();
  }
  graph.output = at;
  data->preprocessing.resize = tiny.side;
  if (tiny.width > 0) data->preprocessing.resize_width = width;
  data->preprocessing.crop_height = tiny.side;
  data->preprocessing.crop_width = width;
  data->preprocessing.channels = tiny.channels;
  data->preprocessing.mean = {0.25F, 0.0F, 0.0F};
  data->preprocessing.std = {0.5F, 1.0F, 1.0F};
  data->architecture = tiny.architecture;
  data->source = "tiny.pth";
  return FloatModel(std::move(data));
}

void write_onnx(const std::filesystem::path& path, const FloatModel& model) {
  const std::vector<std::byte> bytes = to_onnx(model).value();
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void write_onnx_with_external_data(const std::filesystem::path& path, const FloatModel& model) {
  constexpr std::uint64_t kGraph = 7;
  constexpr std::uint64_t kInitializer = 5;
  constexpr std::uint64_t kRawData = 9;
  constexpr std::uint64_t kExternalData = 13;
  constexpr std::uint64_t kDataLocation = 14;
  const std::filesystem::path weights = path.string() + ".data";
  std::string data;
  const auto entry = [](const std::string& key, const std::string& value) {
    return bytes_field(kExternalData, bytes_field(1, key) + bytes_field(2, value));
  };
  const Replace of_tensor = [&](std::uint64_t number, const std::string& bytes) {
    if (number != kRawData) return bytes_field(number, bytes);
    const std::string offset = std::to_string(data.size());
    data += bytes;
    return entry("location", weights.filename().string()) + entry("offset", offset) +
           entry("length", std::to_string(bytes.size())) + varint(kDataLocation << 3) + varint(1);
  };
  const Replace of_graph = [&](std::uint64_t number, const std::string& bytes) {
    return bytes_field(number, number == kInitializer ? replaced(bytes, of_tensor) : bytes);
  };
  const Replace of_file = [&](std::uint64_t number, const std::string& bytes) {
    return bytes_field(number, number == kGraph ? replaced(bytes, of_graph) : bytes);
  };
  write_onnx(path, model);
  write_file(path, replaced(read_file(path), of_file));
  write_file(weights, data);
}

void write_float_nrw(const std::filesystem::path& path, const FloatModel& model) {
  convert(model).value().model.save(path).value();
}

std::string write_idx(const std::filesystem::path& folder, int count, int side) {
  std::string images = std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(side) + big_endian(side);
  std::string labels = std::string("\0\0\x08\x01", 4) + big_endian(count);
  for (int i = 0; i < count; ++i) {
    for (int pixel = 0; pixel < side * side; ++pixel) images.push_back(static_cast<char>((pixel * (i + 3)) & 255));
    labels.push_back(static_cast<char>(i % 10));
  }
  write_file(folder / "t-images-idx3-ubyte", images);
  write_file(folder / "t-labels-idx1-ubyte", labels);
  return folder / "t-images-idx3-ubyte";
}

}  // namespace narrow::testing
