// By what the channels of an equalized network are multiplied.
#include "pipeline/channel_factors.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/model_data.h"
#include "graph/liveness.h"
#include "narrow/quantize.h"
#include "pipeline/float_model_data.h"
#include "quantize/channel_sets.h"
#include "quantize/equalize.h"
#include "tests/support/quantize/preparation.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kChannels = 8;

std::vector<float> uniform_numbers(std::mt19937& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000.0F;
  return values;
}

graph::Convolution square_convolution(std::mt19937& random, int side, int inputs, std::size_t outputs) {
  graph::Convolution convolution;
  convolution.window.kernel_h = convolution.window.kernel_w = side;
  convolution.window.pad = {side / 2, side / 2, side / 2, side / 2};
  convolution.out_channels = static_cast<int>(outputs);
  convolution.filter.weights = uniform_numbers(random, static_cast<std::size_t>(side * side * inputs) * outputs);
  convolution.filter.bias = uniform_numbers(random, outputs);
  return convolution;
}

// image -> expand -> depthwise -> project -> pool -> fc. The dead channels are constant before the depthwise layer,
// whose bias makes them 0.
graph::Graph network_with_dead_channels(const std::vector<std::size_t>& dead) {
  std::mt19937 random(13);
  graph::Graph graph;
  graph.input = graph.add_value("image", {16, 16, 3});
  const Clamp relu6{0, 6};
  graph::Convolution expand = square_convolution(random, 3, 3, kChannels);
  graph::Convolution depthwise = square_convolution(random, 3, 1, kChannels);
  depthwise.groups = kChannels;
  graph::Convolution project = square_convolution(random, 1, kChannels, 8);
  for (const std::size_t c : dead) {
    for (std::size_t i = 0; i < 27; ++i) expand.filter.weights.edit()[c * 27 + i] *= 1e-9F;
    expand.filter.bias.edit()[c] = 0.02F;
    depthwise.filter.bias.edit()[c] = -20;
    for (std::size_t o = 0; o < 8; ++o) project.filter.weights.edit()[o * kChannels + c] = 0;
  }
  graph::ValueId at = graph.add_node("expand", expand, {graph.input}, relu6).value();
  at = graph.add_node("depthwise", depthwise, {at}, relu6).value();
  at = graph.add_node("project", project, {at}).value();
  at = graph.add_node("pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 4;
  linear.filter.weights = uniform_numbers(random, 32);
  linear.filter.bias = uniform_numbers(random, 4);
  graph.output = graph.add_node("fc", linear, {at}).value();
  return graph;
}

Model quantized_as_it_is(const graph::Graph& graph) {
  auto data = std::make_shared<FloatModel::Data>();
  data->graph = graph;
  data->preprocessing.crop_height = data->preprocessing.crop_width = 16;
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  const CalibrationInputs inputs{.count = 4, .fill = [](std::size_t index, std::span<float> out) {
                                   std::mt19937 random(static_cast<unsigned>(100 + index));
                                   const std::vector<float> values = uniform_numbers(random, out.size());
                                   std::copy(values.begin(), values.end(), out.begin());
                                   return Status();
                                 }};
  return quantize(FloatModel(std::move(data)), inputs, options).value().model;
}

const ChannelFactors& factors_of(const Model& model, const graph::ValueMap<ChannelFactors>& factors,
                                 const std::string& layer) {
  for (const graph::Node& node : model.data().graph.nodes) {
    if (node.name == layer) return factors[node.output];
  }
  FAIL("no layer ", layer);
  return factors[model.data().graph.output];
}

}  // namespace

TEST_CASE("factors are found beside channels whose weights tell nothing") {
  const std::vector<std::vector<float>> expected = {{1, 1.3F, 32, 1, 1.2F, 32, 1.1F, 1},
                                                    {1, 1.4F, 1, 1.2F, 1, 1, 1.3F, 1}};
  for (const std::vector<std::size_t>& dead : std::vector<std::vector<std::size_t>>{{}, {2}, {2, 5}}) {
    const graph::Graph plain = network_with_dead_channels(dead);
    graph::Graph scaled = plain;
    const std::vector<graph::ChannelSet> sets = graph::scalable_sets(plain, graph::find_live(plain));
    REQUIRE(sets.size() >= expected.size());
    for (std::size_t s = 0; s < expected.size(); ++s) graph::apply_factors(sets[s], expected[s], scaled);
    const Model model = quantized_as_it_is(scaled);
    const graph::ValueMap<ChannelFactors> factors = find_channel_factors(plain, model.data().graph);
    for (std::size_t s = 0; s < expected.size(); ++s) {
      const std::string layer = plain.nodes[sets[s].writers.front()].name;
      CAPTURE(layer);
      CAPTURE(dead.size());
      const ChannelFactors& of = factors_of(model, factors, layer);
      REQUIRE(of.is_scaled);
      for (std::size_t c = 0; c < kChannels; ++c) {
        if (std::count(dead.begin(), dead.end(), c) != 0) continue;
        CAPTURE(c);
        CHECK(of.of_channel[c] == doctest::Approx(expected[s][c]).epsilon(0.03));
      }
    }
  }
}

}  // namespace v0
}  // namespace narrow
