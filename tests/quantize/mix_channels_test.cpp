// Mixing of channels: the network computes what it did, and rounding disturbs what reads the mixed tensors less.
#include "quantize/mix_channels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "floating/float_executor.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/fingerprint.h"
#include "tests/support/quantize/pre_quantized_graph.h"
#include "tests/support/quantize/preparation.h"
#include "tests/support/quantize/random_images.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::same_integers;
using testing::window;

constexpr std::size_t kImages = 24;
constexpr std::size_t kManyImages = 256;

// Inverted residuals, whose sums have channels of very different sizes.
Graph inverted_residuals(unsigned seed) {
  GraphBuilder b(seed, {8, 8, 3});
  const Clamp relu6 = GraphBuilder::kRelu6;
  ValueId x = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, relu6);
  x = b.convolution("project0", x, 6, window(1));
  ValueId y = b.convolution("expand1", x, 18, window(1), 1, relu6);
  y = b.convolution("depthwise1", y, 18, window(3, 1, 1), 18, relu6);
  x = b.node("sum1", Add{}, {x, b.convolution("project1", y, 6, window(1))});
  y = b.convolution("expand2", x, 18, window(3, 2, 1), 1, relu6);
  y = b.node("mean", GlobalAveragePool{}, {b.convolution("project2", y, 10, window(1))});
  Graph graph = b.finish(b.linear("last", b.node("flat", Flatten{}, {y}), 5));
  for (Node& node : graph.nodes) {
    if (node.name.find("project") == std::string::npos) continue;
    Filter& filter = *filter_of(node);
    std::vector<float>& weights = filter.weights.edit();
    const std::size_t depth = weights.size() / filter.bias.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] *= static_cast<float>(std::ldexp(1.0, static_cast<int>(i / depth % 4)));
    }
  }
  return graph;
}

std::vector<std::string> found_in(const Graph& graph) {
  std::vector<std::string> found;
  for (const ChannelSet& set : mixable_sets(graph, find_live(graph))) {
    std::string text;
    for (const std::size_t n : set.writers) text += graph.nodes[n].name + " ";
    text += "->";
    for (const std::size_t n : set.readers) text += " " + graph.nodes[n].name;
    found.push_back(text);
  }
  return found;
}

// Random symmetric, as of channels that depend on each other.
std::vector<double> random_products(std::size_t channels, GraphBuilder& b) {
  const std::vector<float> x = b.random(channels * channels, -1, 1);
  std::vector<double> products(channels * channels);
  for (std::size_t i = 0; i < channels; ++i) {
    for (std::size_t j = 0; j < channels; ++j) {
      for (std::size_t k = 0; k < channels; ++k) {
        products[i * channels + j] += double{x[i * channels + k]} * double{x[j * channels + k]};
      }
    }
  }
  return products;
}

// a * b, transposed where it is said.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, std::size_t n,
                            bool b_transposed) {
  std::vector<double> result(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) result[i * n + j] += a[i * n + k] * b[b_transposed ? j * n + k : k * n + j];
    }
  }
  return result;
}

QuantizeOptions at_four_bits() {
  QuantizeOptions options;
  testing::leave_network_as_it_is(options);
  options.weight_bits = options.activation_bits = 4;
  return options;
}

}  // namespace

TEST_CASE("tensors that dense layers write and read without an activation function can be mixed") {
  CHECK(found_in(inverted_residuals(testing::seed())) ==
        std::vector<std::string>{"project0 project1 -> expand1 expand2", "project2 -> last"});
}

TEST_CASE("clamps, maxima, depthwise layers and products keep channels from being mixed") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  ValueId x = b.convolution("clamped", b.input(), 4, window(1), 1, GraphBuilder::kRelu);
  x = b.convolution("before a maximum", x, 4, window(1));
  x = b.convolution("before a depthwise layer", b.node("max", MaxPool{window(2, 2)}, {x}), 4, window(1));
  x = b.convolution("depthwise", x, 4, window(3, 1, 1), 4);
  const ValueId y = b.convolution("factor", x, 4, window(1));
  x = b.convolution("before a clamped sum", b.node("square", Multiply{}, {y, y}), 4, window(1));
  x = b.node("sum", Add{}, {x, b.convolution("other", x, 4, window(1))}, GraphBuilder::kRelu);
  CHECK(found_in(b.finish(b.linear("last", x, 4))).empty());
}

TEST_CASE("mixed channels have one mean square, and their inverse disturbs readers less when they are rounded") {
  for (const std::size_t channels : {2U, 3U, 7U, 16U, 40U}) {
    CAPTURE(channels);
    GraphBuilder b(testing::seed() + static_cast<unsigned>(channels), {4, 4, 3});
    const auto n = static_cast<int>(channels);
    const ValueId x = b.convolution("writer", b.input(), n, window(1));
    const Graph graph =
        b.finish(b.linear("last", b.convolution("reader", x, 2 * n, window(3), 1, GraphBuilder::kRelu), 3));
    const ChannelSet set = mixable_sets(graph, find_live(graph)).at(0);
    const std::vector<double> products = random_products(channels, b);
    const Mixing mixing = best_mixing(graph, set, products).value();
    const std::vector<double> identity = product(mixing.forward, mixing.inverse, channels, false);
    double trace = 0;
    for (std::size_t c = 0; c < channels; ++c) trace += products[c * channels + c];
    // Directions in which next to nothing was observed count as if they had a ten-thousandth of the mean square.
    std::vector<double> seen = products;
    for (std::size_t c = 0; c < channels; ++c) {
      seen[c * channels + c] += 1e-4 * trace / static_cast<double>(channels);
    }
    const std::vector<double> after =
        product(product(mixing.forward, seen, channels, false), mixing.forward, channels, true);
    for (std::size_t i = 0; i < channels; ++i) {
      for (std::size_t j = 0; j < channels; ++j) {
        CHECK(identity[i * channels + j] == doctest::Approx(i == j ? 1 : 0).epsilon(1e-9));
      }
      CHECK(after[i * channels + i] == doctest::Approx(trace / static_cast<double>(channels)).epsilon(1e-5));
    }
    // The noise at the reader is that of one level, which the largest channel decides, through its weights.
    const Filter& reader = *filter_of(graph.nodes[set.readers[0]]);
    double before_noise = 0;
    double after_noise = 0;
    for (std::size_t row = 0; row < reader.weights.size() / channels; ++row) {
      for (std::size_t k = 0; k < channels; ++k) {
        double mixed = 0;
        for (std::size_t c = 0; c < channels; ++c) {
          mixed += double{reader.weights[row * channels + c]} * mixing.inverse[c * channels + k];
        }
        before_noise += std::pow(double{reader.weights[row * channels + k]}, 2);
        after_noise += mixed * mixed;
      }
    }
    double largest = 0;
    for (std::size_t c = 0; c < channels; ++c) largest = std::max(largest, products[c * channels + c]);
    CHECK(after_noise * trace / static_cast<double>(channels) < before_noise * largest);
  }
}

TEST_CASE("a channel without values or readers is mixed, and a tensor of zeros or infinities is not") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = b.convolution("writer", b.input(), 3, window(1));
  Graph graph = b.finish(b.linear("last", b.convolution("reader", x, 4, window(1), 1, GraphBuilder::kRelu), 3));
  const ChannelSet set = mixable_sets(graph, find_live(graph)).at(0);
  CHECK(best_mixing(graph, set, std::vector<double>{1, 0, 0, 0, 0, 0, 0, 0, 2}).has_value());
  CHECK_FALSE(best_mixing(graph, set, std::vector<double>(9, 0.0)).has_value());
  CHECK_FALSE(best_mixing(graph, set, std::vector<double>(9, std::numeric_limits<double>::infinity())).has_value());
  std::vector<float>& weights = filter_of(graph.nodes[set.readers[0]])->weights.edit();
  for (std::size_t i = 0; i < weights.size(); i += 3) weights[i] = 0;
  CHECK(best_mixing(graph, set, std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 2}).has_value());
  std::fill(weights.begin(), weights.end(), 0.0F);
  CHECK_FALSE(best_mixing(graph, set, std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 2}).has_value());
}

TEST_CASE("mixing keeps scores to 1e-4, and the weights of the original") {
  for (unsigned seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    const Graph graph = inverted_residuals(testing::seed() + seed);
    const auto expected = testing::scores_of(graph, kImages);
    Graph mixed = graph;
    GraphBuilder b(seed, {1, 1, 1});
    for (const ChannelSet& set : mixable_sets(graph, find_live(graph))) {
      const std::size_t channels = filter_of(graph.nodes[set.writers[0]])->bias.size();
      apply_mixing(set, best_mixing(mixed, set, random_products(channels, b)).value(), mixed);
    }
    REQUIRE(validate(mixed).ok());
    CHECK(testing::scores_of(graph, kImages) == expected);
    const auto actual = testing::scores_of(mixed, kImages);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      float largest = 0;
      for (const float score : expected[i]) largest = std::max(largest, std::abs(score));
      for (std::size_t k = 0; k < expected[i].size(); ++k) {
        CHECK(std::abs(actual[i][k] - expected[i][k]) <= 1e-4F * largest);
      }
    }
  }
}

TEST_CASE("a network is mixed where it is asked for, the same on any number of threads, and says so") {
  const Graph graph = inverted_residuals(testing::seed());
  QuantizeOptions options = at_four_bits();
  const QuantizedGraph as_it_is = testing::quantized_on_random_images(graph, kImages, options);
  options.channel_mixing = Preparation::kOn;
  const QuantizedGraph mixed = testing::quantized_on_random_images(graph, kImages, options);
  CHECK_FALSE(same_integers(as_it_is.graph, mixed.graph));
  CHECK(testing::has_line(mixed.report.events, "2 tensors, or sets of tensors, have mixed channels"));
  options.threads = 3;
  CHECK(same_integers(mixed.graph, testing::quantized_on_random_images(graph, kImages, options).graph));
  options.channel_mixing = Preparation::kAuto;
  const QuantizedGraph chosen = testing::quantized_on_random_images(graph, kImages, options);
  CHECK(testing::has_line(chosen.report.events, "divergence of the answers"));
  CHECK((same_integers(chosen.graph, mixed.graph) || same_integers(chosen.graph, as_it_is.graph)));
}

TEST_CASE("at 8 bits a network whose answers are far off is prepared if weights are rounded by outputs") {
  int prepared = 0;
  for (const double deviation : {1.0, 4.0, 16.0}) {
    CAPTURE(deviation);
    Graph graph = inverted_residuals(testing::seed());
    testing::spread_scores(graph, kManyImages, deviation);
    QuantizeOptions options;
    const QuantizedGraph chosen = testing::quantized_on_random_images(graph, kManyImages, options);
    const bool by_outputs = testing::has_line(chosen.report.events, "by the error of outputs at 8 bits too");
    const bool is_prepared = testing::has_line(chosen.report.events, "have mixed channels") ||
                             testing::has_line(chosen.report.events, "have equalized channels");
    prepared += is_prepared ? 1 : 0;
    options.rounding = by_outputs ? RoundingKind::kOutputError : RoundingKind::kNearest;
    CHECK(same_integers(chosen.graph, testing::quantized_on_random_images(graph, kManyImages, options).graph));
    if (!by_outputs) CHECK_FALSE(is_prepared);
    options = {};
    options.effort = Effort::kFast;
    const QuantizedGraph fast = testing::quantized_on_random_images(graph, kManyImages, options);
    CHECK_FALSE(testing::has_line(fast.report.events, "divergence of the answers"));
  }
  CHECK(prepared > 0);
}

TEST_CASE("bits for a goal are chosen in the prepared network, which is less sensitive") {
  Graph graph = inverted_residuals(testing::seed());
  testing::spread_scores(graph, kManyImages, 4);
  QuantizeOptions options;
  options.goal = BitGoal{.max_changed = 1};
  const auto divergence_at_eight_bits = [&] {
    const QuantizedGraph result = testing::quantized_on_random_images(graph, kManyImages, options);
    return result.report.bits.trade_off.front().divergence;
  };
  const double prepared = divergence_at_eight_bits();
  options.channel_mixing = options.equalization = Preparation::kOff;
  CHECK(prepared < divergence_at_eight_bits());
}

}  // namespace narrow::graph
