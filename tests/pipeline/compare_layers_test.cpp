// The error of each layer of one network, measured against the layer of the same name of another.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "narrow/compare.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "pipeline/float_model_data.h"
#include "tests/support/quantize/preparation.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kImages = 6;

std::vector<float> numbers(std::mt19937& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000.0F;
  return values;
}

graph::Convolution convolution(std::mt19937& random, int channels) {
  graph::Convolution convolution;
  convolution.window.kernel_h = convolution.window.kernel_w = 3;
  convolution.window.pad = {1, 1, 1, 1};
  convolution.out_channels = 8;
  convolution.filter.weights = numbers(random, std::size_t{72} * static_cast<std::size_t>(channels));
  convolution.filter.bias = numbers(random, 8);
  return convolution;
}

// image -> conv1 -> conv2 -> + conv1 -> pool -> fc. other_conv2: with other weights in conv2.
FloatModel residual_network(bool other_conv2 = false, const std::string& prefix = "") {
  std::mt19937 random(5);
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  graph.input = graph.add_value("image", {8, 8, 3});
  const Clamp relu{0, std::numeric_limits<float>::infinity()};
  const graph::ValueId first = graph.add_node(prefix + "conv1", convolution(random, 3), {graph.input}, relu).value();
  graph::Convolution conv2 = convolution(random, 8);
  if (other_conv2) conv2.filter.weights.edit()[7] += 0.25F;
  graph::ValueId at = graph.add_node(prefix + "conv2", conv2, {first}).value();
  at = graph.add_node(prefix + "add", graph::Add{}, {at, first}, relu).value();
  at = graph.add_node(prefix + "pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 4;
  linear.filter.weights = numbers(random, 32);
  linear.filter.bias = numbers(random, 4);
  graph.output = graph.add_node(prefix + "fc", linear, {at}).value();
  data->preprocessing.crop_height = data->preprocessing.crop_width = 8;
  return FloatModel(std::move(data));
}

// image -> conv1 -> project1 -> expand -> project2 -> + project1 -> last -> pool -> fc
FloatModel bottleneck_network() {
  std::mt19937 random(11);
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  graph.input = graph.add_value("image", {16, 16, 3});
  const Clamp relu{0, std::numeric_limits<float>::infinity()};
  graph::ValueId at = graph.add_node("conv1", convolution(random, 3), {graph.input}, relu).value();
  const graph::ValueId shortcut = graph.add_node("project1", convolution(random, 8), {at}).value();
  at = graph.add_node("expand", convolution(random, 8), {shortcut}, relu).value();
  at = graph.add_node("project2", convolution(random, 8), {at}).value();
  at = graph.add_node("add", graph::Add{}, {at, shortcut}).value();
  at = graph.add_node("last", convolution(random, 8), {at}, relu).value();
  at = graph.add_node("pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 4;
  linear.filter.weights = numbers(random, 32);
  linear.filter.bias = numbers(random, 4);
  graph.output = graph.add_node("fc", linear, {at}).value();
  data->preprocessing.crop_height = data->preprocessing.crop_width = 16;
  return FloatModel(std::move(data));
}

CalibrationInputs random_images() {
  return {.count = kImages, .fill = [](std::size_t index, std::span<float> out) {
            std::mt19937 random(static_cast<unsigned>(100 + index));
            const std::vector<float> values = numbers(random, out.size());
            std::copy(values.begin(), values.end(), out.begin());
            return Status();
          }};
}

// image -> conv1 -> conv2 -> conv3 -> pool -> fc, with channels of very different sizes.
FloatModel uneven_network() {
  std::mt19937 random(7);
  auto data = std::make_shared<FloatModel::Data>();
  graph::Graph& graph = data->graph;
  graph.input = graph.add_value("image", {16, 16, 3});
  const Clamp relu{0, std::numeric_limits<float>::infinity()};
  graph::ValueId at = graph.input;
  for (const char* name : {"conv1", "conv2", "conv3"}) {
    graph::Convolution layer = convolution(random, at == graph.input ? 3 : 8);
    std::vector<float>& weights = layer.filter.weights.edit();
    const std::size_t depth = weights.size() / 8;
    for (std::size_t c = 0; c < 8; ++c) {
      const float size = 1 / static_cast<float>(1 + c);
      layer.filter.bias.edit()[c] *= size;
      for (std::size_t i = 0; i < depth; ++i) weights[c * depth + i] *= size;
    }
    at = graph.add_node(name, layer, {at}, relu).value();
  }
  at = graph.add_node("pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 4;
  linear.filter.weights = numbers(random, 32);
  linear.filter.bias = numbers(random, 4);
  graph.output = graph.add_node("fc", linear, {at}).value();
  data->preprocessing.crop_height = data->preprocessing.crop_width = 16;
  return FloatModel(std::move(data));
}

Model quantized(const FloatModel& network, int bits, Preparation equalization = Preparation::kAuto) {
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  options.weight_bits = options.activation_bits = bits;
  options.equalization = equalization;
  return quantize(network, random_images(), options).value().model;
}

const LayerError& layer(const LayerComparison& comparison, std::string_view name) {
  for (const LayerError& row : comparison.layers) {
    if (row.layer == name) return row;
  }
  FAIL("no layer ", std::string(name));
  return comparison.layers.front();
}

}  // namespace

TEST_CASE("a network has no error against itself") {
  const FloatModel network = residual_network();
  const LayerComparison comparison = compare_layers(network, network, random_images()).value();
  CHECK(comparison.images == kImages);
  CHECK(comparison.unmatched.empty());
  REQUIRE(comparison.layers.size() == 5);
  CHECK(comparison.layers.front().layer == "conv1");
  CHECK(comparison.layers.back().layer == "fc");
  for (const LayerError& row : comparison.layers) {
    CHECK(row.cumulative_db == kInfinity);
    CHECK(row.local_db.value() == kInfinity);
  }
}

TEST_CASE("one changed layer has the only local error, and all layers after it have a cumulative one") {
  const LayerComparison comparison =
      compare_layers(residual_network(), residual_network(true), random_images()).value();
  CHECK(layer(comparison, "conv1").cumulative_db == kInfinity);
  for (const char* name : {"conv1", "add", "pool", "fc"}) CHECK(layer(comparison, name).local_db.value() == kInfinity);
  for (const char* name : {"conv2", "add", "pool", "fc"}) CHECK(layer(comparison, name).cumulative_db < 80);
  // Nothing before conv2 has an error, so that its two errors are the same.
  CHECK(layer(comparison, "conv2").local_db.value() == layer(comparison, "conv2").cumulative_db);
}

TEST_CASE("the cumulative error of the last layer is that of the scores which the engine computes") {
  const FloatModel network = residual_network();
  const Model model = quantized(network, 4);
  const LayerComparison comparison = compare_layers(network, model, random_images()).value();

  Session session = Session::create(model).value();
  FloatSession reference = FloatSession::create(network).value();
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < kImages; ++i) {
    std::vector<float> input(8 * 8 * 3);
    random_images().fill(i, input).value();
    std::vector<float> expected(4);
    std::vector<float> scores(4);
    reference.run(input, expected).value();
    session.run(input, scores).value();
    for (std::size_t c = 0; c < 4; ++c) {
      signal += static_cast<double>(expected[c]) * expected[c];
      noise += std::pow(static_cast<double>(expected[c]) - scores[c], 2);
    }
  }
  CHECK(comparison.layers.back().cumulative_db == doctest::Approx(10 * std::log10(signal / noise)).epsilon(1e-9));
}

TEST_CASE("the factors of an equalized network are no errors whichever network is the reference") {
  const FloatModel network = uneven_network();
  for (const int bits : {8, 5}) {
    const Model plain = quantized(network, bits, Preparation::kOff);
    const Model equalized = quantized(network, bits, Preparation::kOn);
    const LayerComparison of_plain = compare_layers(network, plain, random_images()).value();
    for (const LayerError& row : of_plain.layers) CHECK_MESSAGE(!row.is_equalized, row.layer);
    const LayerComparison of_equalized = compare_layers(network, equalized, random_images()).value();
    const LayerComparison exchanged = compare_layers(equalized, network, random_images()).value();
    for (const char* name : {"conv1", "conv2", "conv3"}) {
      const LayerError& row = layer(of_equalized, name);
      CHECK_MESSAGE(row.is_equalized, name, " with ", bits, " bits");
      CHECK_MESSAGE(row.local_db.value() > layer(of_plain, name).local_db.value() - 2, name, " with ", bits, " bits");
      CHECK(row.cumulative_db > layer(of_plain, name).cumulative_db - 2);
      CHECK(layer(exchanged, name).is_equalized);
      CHECK(layer(exchanged, name).cumulative_db > row.cumulative_db - 4);  // the reference has noise then
    }
    CHECK_FALSE(layer(of_equalized, "fc").is_equalized);
    // Compared with each other, two integer networks are taken as they are.
    for (const LayerError& row : compare_layers(plain, equalized, random_images()).value().layers) {
      CHECK_FALSE(row.is_equalized);
    }
  }
}

TEST_CASE("mixed channels and narrow copies are no errors whichever network is the reference") {
  const FloatModel network = bottleneck_network();
  for (const int bits : {8, 5}) {
    CAPTURE(bits);
    QuantizeOptions options;
    testing::leave_network_as_it_is(options);
    options.weight_bits = options.activation_bits = bits;
    const Model plain = quantize(network, random_images(), options).value().model;
    options.channel_mixing = Preparation::kOn;
    options.residual_copies = Preparation::kOn;
    const Model mixed = quantize(network, random_images(), options).value().model;
    const LayerComparison of_plain = compare_layers(network, plain, random_images()).value();
    CHECK(of_plain.mixed_tensors == 0);
    const LayerComparison of_mixed = compare_layers(network, mixed, random_images()).value();
    const LayerComparison exchanged = compare_layers(mixed, network, random_images()).value();
    CHECK(of_mixed.mixed_tensors == 1);
    CHECK(exchanged.mixed_tensors == 1);
    CHECK(of_mixed.unmatched.empty());
    for (const char* name : {"conv1", "project1", "expand", "project2", "add", "last"}) {
      CAPTURE(name);
      CHECK(layer(of_mixed, name).local_db.value() > layer(of_plain, name).local_db.value() - 4);
      CHECK(layer(of_mixed, name).cumulative_db > layer(of_plain, name).cumulative_db - 3);
      CHECK(layer(exchanged, name).cumulative_db > layer(of_mixed, name).cumulative_db - 3);
    }
    // At 8 bits no layer reads a copy.
    if (bits < 8) CHECK(layer(of_mixed, "project1.narrow").local_db.value() > 15);
  }
}

TEST_CASE("mixing is found in weights of few bits and with one image") {
  const FloatModel network = bottleneck_network();
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  options.weight_bits = options.activation_bits = 4;
  options.rounding = RoundingKind::kNearest;
  const Model plain = quantize(network, random_images(), options).value().model;
  options.channel_mixing = Preparation::kOn;
  const Model mixed = quantize(network, random_images(), options).value().model;
  CalibrationInputs one = random_images();
  one.count = 1;
  const LayerComparison of_plain = compare_layers(network, plain, one).value();
  const LayerComparison of_mixed = compare_layers(network, mixed, one).value();
  CHECK(of_mixed.mixed_tensors == 1);
  for (const char* name : {"project1", "expand", "project2"}) {
    CAPTURE(name);
    CHECK(layer(of_mixed, name).local_db.value() > layer(of_plain, name).local_db.value() - 4.5);
  }
}

TEST_CASE("fewer bits have larger errors in every quantized layer") {
  const FloatModel network = residual_network();
  const LayerComparison eight = compare_layers(network, quantized(network, 8), random_images()).value();
  const LayerComparison three = compare_layers(network, quantized(network, 3), random_images()).value();
  REQUIRE(eight.layers.size() == three.layers.size());
  for (const char* name : {"conv2", "add"}) {
    CHECK(layer(three, name).local_db.value() + 10 < layer(eight, name).local_db.value());
    CHECK(layer(three, name).cumulative_db + 10 < layer(eight, name).cumulative_db);
  }
}

TEST_CASE("two integer networks are compared, whatever the number of threads") {
  const FloatModel network = residual_network();
  const Model eight = quantized(network, 8);
  const Model four = quantized(network, 4);
  const LayerComparison one = compare_layers(eight, four, random_images(), 1).value();
  const LayerComparison two = compare_layers(eight, four, random_images(), 2).value();
  REQUIRE(one.layers.size() == two.layers.size());
  for (std::size_t i = 0; i < one.layers.size(); ++i) {
    CHECK(one.layers[i].cumulative_db == two.layers[i].cumulative_db);
    CHECK(one.layers[i].local_db == two.layers[i].local_db);
  }
}

TEST_CASE("layers of other names are listed, and networks without a common one are refused") {
  const FloatModel network = residual_network();
  const FloatModel renamed = residual_network(false, "x.");
  const Result<LayerComparison> none = compare_layers(network, renamed, random_images());
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::kInvalidArgument);

  auto data = std::make_shared<FloatModel::Data>(network.data());
  for (graph::Value& value : data->graph.values) {
    if (value.name == "conv2") value.name = "other";
  }
  // The node has its name yet.
  CHECK(compare_layers(network, FloatModel(data), random_images()).value().layers.size() == 5);
  for (graph::Node& node : data->graph.nodes) {
    if (node.name == "conv2") node.name = "other";
  }
  const LayerComparison some = compare_layers(network, FloatModel(std::move(data)), random_images()).value();
  CHECK(some.layers.size() == 4);
  CHECK(some.unmatched == std::vector<std::string>{"other"});
  CHECK_FALSE(layer(some, "add").local_db.has_value());
  CHECK(layer(some, "pool").local_db.value() == kInfinity);
}

TEST_CASE("an error of the images and a set of none end the comparison") {
  const FloatModel network = residual_network();
  CalibrationInputs broken = random_images();
  broken.fill = [](std::size_t, std::span<float>) { return Status(Error{ErrorCode::kIo, "gone", "cat.jpg"}); };
  CHECK(compare_layers(network, network, broken).error().where == "cat.jpg");
  broken.count = 0;
  CHECK(compare_layers(network, network, broken).error().code == ErrorCode::kInvalidArgument);
  for (const int threads : {0, -1}) {
    CHECK(compare_layers(network, network, random_images(), threads).error().where == "threads");
  }
}

}  // namespace v0
}  // namespace narrow
