// A float network prepared as a model that was made of it.
#include "pipeline/prepared_reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/model_data.h"
#include "graph/liveness.h"
#include "narrow/float_model.h"
#include "narrow/quantize.h"
#include "pipeline/float_model_data.h"
#include "quantize/channel_sets.h"
#include "quantize/equalize.h"
#include "quantize/mix_channels.h"
#include "tests/support/quantize/preparation.h"

namespace narrow {
inline namespace v0 {
namespace {

constexpr std::size_t kWide = 24;
constexpr std::size_t kMixed = 8;
constexpr int kSide = 16;

std::vector<float> evenly_drawn(std::mt19937& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000.0F;
  return values;
}

// groups: 1, or one for each channel.
graph::Convolution made_layer(std::mt19937& random, int side, std::size_t inputs, std::size_t outputs, int groups = 1) {
  graph::Convolution convolution;
  convolution.window.kernel_h = convolution.window.kernel_w = side;
  convolution.window.pad = {side / 2, side / 2, side / 2, side / 2};
  convolution.out_channels = static_cast<int>(outputs);
  convolution.groups = groups;
  const std::size_t depth = static_cast<std::size_t>(side * side) * inputs / static_cast<std::size_t>(groups);
  convolution.filter.weights = evenly_drawn(random, depth * outputs);
  const float size = 1 / std::sqrt(static_cast<float>(depth));
  for (float& weight : convolution.filter.weights.edit()) weight *= size;
  convolution.filter.bias = evenly_drawn(random, outputs);
  return convolution;
}

// image -> stem -> depthwise0 -> project0 -> expand1 -> depthwise1 -> project1 -> + project0 -> expand2 -> pool -> fc
graph::Graph inverted_residuals() {
  std::mt19937 random(3);
  graph::Graph graph;
  graph.input = graph.add_value("image", {kSide, kSide, 3});
  const Clamp relu{0, std::numeric_limits<float>::infinity()};
  const auto add = [&](const char* name, graph::Convolution layer, graph::ValueId input, const Clamp& clamp) {
    return graph.add_node(name, std::move(layer), {input}, clamp).value();
  };
  const auto depthwise = [&] { return made_layer(random, 3, kWide, kWide, kWide); };
  graph::ValueId at = add("stem", made_layer(random, 3, 3, kWide), graph.input, relu);
  at = add("depthwise0", depthwise(), at, relu);
  const graph::ValueId shortcut = add("project0", made_layer(random, 1, kWide, kMixed), at, {});
  at = add("expand1", made_layer(random, 1, kMixed, kWide), shortcut, relu);
  at = add("depthwise1", depthwise(), at, relu);
  at = add("project1", made_layer(random, 1, kWide, kMixed), at, {});
  at = graph.add_node("add", graph::Add{}, {at, shortcut}).value();
  at = add("expand2", made_layer(random, 1, kMixed, kWide), at, relu);
  at = graph.add_node("pool", graph::GlobalAveragePool{}, {at}).value();
  graph::Linear linear;
  linear.out_features = 4;
  linear.filter.weights = evenly_drawn(random, 4 * kWide);
  linear.filter.bias = evenly_drawn(random, 4);
  graph.output = graph.add_node("fc", linear, {at}).value();
  return graph;
}

CalibrationInputs drawn_images(std::size_t count) {
  return {.count = count, .fill = [](std::size_t index, std::span<float> out) {
            std::mt19937 random(static_cast<unsigned>(100 + index));
            const std::vector<float> values = evenly_drawn(random, out.size());
            std::copy(values.begin(), values.end(), out.begin());
            return Status();
          }};
}

// A discrete Hartley transform, which is its own inverse.
graph::Mixing known_mixing() {
  graph::Mixing mixing{kMixed, std::vector<double>(kMixed * kMixed), {}};
  for (std::size_t a = 0; a < kMixed; ++a) {
    for (std::size_t b = 0; b < kMixed; ++b) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(a * b) / kMixed;
      mixing.forward[a * kMixed + b] = (std::cos(angle) + std::sin(angle)) / std::sqrt(double{kMixed});
    }
  }
  mixing.inverse = mixing.forward;
  return mixing;
}

// Between 1 and `most`, and not smaller.
std::vector<float> drawn_factors(std::mt19937& random, std::size_t channels, float most) {
  std::vector<float> factors = evenly_drawn(random, channels);
  for (float& factor : factors) factor = std::pow(most, std::abs(factor));
  factors[channels / 2] = 1;
  return factors;
}

struct Prepared {
  graph::Graph mixed;   // with the known mixing
  graph::Graph scaled;  // and with factors
};

// most: of the factors of tensors that are not mixed.
Prepared prepared(const graph::Graph& plain, bool is_mixed, float most) {
  Prepared prepared{plain, {}};
  const std::vector<graph::ChannelSet> mixable = graph::mixable_sets(plain, graph::find_live(plain));
  REQUIRE(mixable.size() == 1);
  if (is_mixed) graph::apply_mixing(mixable.front(), known_mixing(), prepared.mixed);
  prepared.scaled = prepared.mixed;
  std::mt19937 random(17);
  std::size_t count = 0;
  for (const graph::ChannelSet& set : graph::scalable_sets(plain, graph::find_live(plain))) {
    if (set.values == mixable.front().values) continue;
    graph::apply_factors(set, drawn_factors(random, kWide, most), prepared.scaled);
    ++count;
  }
  REQUIRE(count == 5);
  return prepared;
}

Model rounded(const graph::Graph& graph, int weight_bits, int activation_bits) {
  auto data = std::make_shared<FloatModel::Data>();
  data->graph = graph;
  data->preprocessing.crop_height = data->preprocessing.crop_width = kSide;
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  options.weight_bits = weight_bits;
  options.activation_bits = activation_bits;
  options.rounding = RoundingKind::kNearest;
  return quantize(FloatModel(std::move(data)), drawn_images(8), options).value().model;
}

const graph::Filter& filter_named(const graph::Graph& graph, const std::string& layer) {
  for (const graph::Node& node : graph.nodes) {
    if (node.name == layer) return *graph::filter_of(node);
  }
  FAIL("no layer ", layer);
  return *graph::filter_of(graph.nodes.front());
}

// Of the difference, relative to the size of what is expected.
double distance(const std::vector<float>& expected, const std::vector<float>& found) {
  REQUIRE(expected.size() == found.size());
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    signal += double{expected[i]} * expected[i];
    noise += std::pow(double{expected[i]} - found[i], 2);
  }
  return std::sqrt(noise / signal);
}

std::vector<float> scores_of(const graph::Graph& graph, std::size_t image) {
  auto data = std::make_shared<FloatModel::Data>();
  data->graph = graph;
  data->preprocessing.crop_height = data->preprocessing.crop_width = kSide;
  FloatSession session = FloatSession::create(FloatModel(std::move(data))).value();
  std::vector<float> input(static_cast<std::size_t>(kSide * kSide * 3));
  drawn_images(image + 1).fill(image, input).value();
  std::vector<float> scores(4);
  session.run(input, scores).value();
  return scores;
}

std::vector<float> weights_of(const graph::Graph& graph, const std::string& layer) {
  const graph::Filter& filter = filter_named(graph, layer);
  return {filter.weights.begin(), filter.weights.end()};
}

}  // namespace

TEST_CASE("the mixing of a model is found whether it is equalized or not") {
  const graph::Graph plain = inverted_residuals();
  struct Bits {
    int weights;
    int activations;
    double most_distance;
  };
  for (const Bits& bits : {Bits{2, 8, 0.5}, Bits{3, 3, 0.25}, Bits{4, 4, 0.1}, Bits{8, 8, 0.02}}) {
    for (const float most : {1.0F, 2.0F, 16.0F}) {
      if (bits.weights == 2 && most == 2.0F) continue;  // rounding to 2 bits hides factors that small
      CAPTURE(bits.weights);
      CAPTURE(most);
      const Prepared expected = prepared(plain, true, most);
      const Model model = rounded(expected.scaled, bits.weights, bits.activations);
      const std::optional<PreparedReference> found =
          prepare_reference(plain, model.data().graph, drawn_images(8)).value();
      REQUIRE(found);
      CHECK(found->mixed_sets == 1);
      for (const char* layer : {"project0", "project1", "expand1", "expand2"}) {
        CAPTURE(layer);
        CHECK(distance(weights_of(expected.mixed, layer), weights_of(found->graph, layer)) < bits.most_distance);
      }
      CHECK(weights_of(found->graph, "depthwise1") == weights_of(plain, "depthwise1"));
      for (std::size_t image = 0; image < 3; ++image) {
        CHECK(distance(scores_of(plain, image), scores_of(found->graph, image)) < 1e-5);
      }
    }
  }
}

TEST_CASE("a model that is equalized and not mixed has the reference as it is") {
  const graph::Graph plain = inverted_residuals();
  for (const float most : {1.0F, 16.0F}) {
    const Model model = rounded(prepared(plain, false, most).scaled, 4, 4);
    CHECK_FALSE(prepare_reference(plain, model.data().graph, drawn_images(8)).value().has_value());
  }
}

}  // namespace v0
}  // namespace narrow
