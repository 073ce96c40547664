// Pre-quantized weights: how BatchNorms and biases may change them.
#include <doctest/doctest.h>

#include <cmath>

#include "rewrites/lower_batch_norms.h"
#include "rewrites/pre_quantized_weights.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::node_named;
using testing::pre_quantized_convolution;
using testing::qdq;
using testing::window;

constexpr Quantization kInput{0.0625F, 30, {0, 255}};
constexpr float kLargest = std::numeric_limits<float>::max();

// Quantize -> Dequantize -> conv -> bn -> Quantize -> Dequantize.
Graph with_batch_norm(QRange integers, const std::vector<float>& gamma) {
  GraphBuilder b(testing::seed(), {5, 5, 2});
  const ValueId conv =
      pre_quantized_convolution(b, "conv", qdq(b, "x", b.input(), kInput), 3, integers, kInput.scale, window(3, 1, 1));
  BatchNorm norm;
  norm.gamma = gamma;
  norm.beta = {0.5F, -0.25F, 1.0F};
  norm.mean = {0.0F, 1.0F, -1.0F};
  norm.variance = {1.0F, 1.0F, 1.0F};
  norm.epsilon = 0;
  return b.finish(qdq(b, "y", b.node("bn", norm, {conv}), kInput));
}

const Filter& filter_named(const Graph& graph, std::string_view name) { return *filter_of(node_named(graph, name)); }

void check_consistent(const Filter& filter) {
  const std::size_t depth = filter.weights.size() / filter.bias.size();
  for (std::size_t i = 0; i < filter.weights.size(); ++i) {
    CHECK(filter.weights[i] ==
          static_cast<float>(filter.pre_quantized->integers[i]) * filter.pre_quantized->scales[i / depth]);
  }
}

// One output channel, two weights.
Filter small_filter(std::int8_t first, std::int8_t second, float scale, float bias) {
  Filter filter;
  filter.pre_quantized = PreQuantizedWeights{{first, second}, {scale}};
  filter.weights = {static_cast<float>(first) * scale, static_cast<float>(second) * scale};
  filter.bias = {bias};
  return filter;
}

}  // namespace

TEST_CASE("a weight scale of zero, below it or not a number is refused") {
  for (const float scale : {0.0F, -0.0F, -1.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    Graph graph = with_batch_norm({-1, 1}, {1, 1, 1});
    for (Node& node : graph.nodes) {
      if (node.name == "conv") filter_of(node)->pre_quantized->scales[1] = scale;
    }
    CHECK_FALSE(validate(graph).ok());
    CHECK_FALSE(simplify(graph).ok());
  }
}

TEST_CASE("a BatchNorm after pre-quantized weights goes into scales, signs and bias") {
  const Graph graph = with_batch_norm({-127, 127}, {2.0F, -0.5F, 1.0F});
  const Graph folded = testing::check_simplify(graph);
  CHECK(testing::same_outputs(graph, folded));
  CHECK(testing::count<Convolution>(folded) == 1);
  const PreQuantizedWeights& before = *filter_named(graph, "conv").pre_quantized;
  const Filter& filter = filter_named(folded, "conv");
  CHECK(filter.pre_quantized->scales[0] == 2.0F * before.scales[0]);
  CHECK(filter.pre_quantized->scales[1] == 0.5F * before.scales[1]);
  const std::size_t depth = before.integers.size() / 3;
  for (std::size_t i = 0; i < before.integers.size(); ++i) {
    CHECK(filter.pre_quantized->integers[i] == (i / depth == 1 ? -before.integers[i] : before.integers[i]));
  }
  check_consistent(filter);
}

TEST_CASE("a weight integer of -128 keeps a BatchNorm with a negative factor on its channel apart") {
  // The lowest weight integer is in channel 0.
  const Graph positive = with_batch_norm({-128, 127}, {0.5F, 1.0F, 2.0F});
  CHECK(testing::count<Convolution>(testing::check_simplify(positive)) == 1);
  const Graph negative = with_batch_norm({-128, 127}, {-0.5F, 1.0F, 2.0F});
  const Graph apart = testing::check_simplify(negative);
  CHECK(testing::count<Convolution>(apart) == 2);
  CHECK(filter_named(apart, "conv").pre_quantized->integers == filter_named(negative, "conv").pre_quantized->integers);
  const Filter& affine = filter_named(apart, "bn");
  REQUIRE(affine.pre_quantized.has_value());
  CHECK(affine.pre_quantized->integers == std::vector<std::int8_t>{-127, 127, 127});
  check_consistent(affine);
}

TEST_CASE("a factor of zero, or none that float can hold, makes the weight integers zero") {
  for (const float tiny : {0.0F, -0.0F, 1e-38F, -1e-38F}) {
    Graph graph = with_batch_norm({-128, 127}, {1.0F, tiny, 1.0F});
    // The weight integer whose sign can't change must not keep a factor apart that makes it zero.
    for (Node& node : graph.nodes) {
      if (node.name != "conv") continue;
      Filter& lowest = *filter_of(node);
      const std::size_t first = lowest.weights.size() / 3;
      lowest.pre_quantized->integers.edit()[first] = -128;
      lowest.weights.edit()[first] = -128.0F * lowest.pre_quantized->scales[1];
    }
    const Graph folded = testing::check_simplify(graph);
    CHECK(testing::count<Convolution>(folded) == 1);
    const Filter& filter = filter_named(folded, "conv");
    const std::size_t depth = filter.weights.size() / 3;
    for (std::size_t i = depth; i < 2 * depth; ++i) CHECK(filter.pre_quantized->integers[i] == 0);
    CHECK(filter.pre_quantized->scales[1] == filter_named(graph, "conv").pre_quantized->scales[1]);
    CHECK(filter.bias[1] == doctest::Approx(-0.25));
    check_consistent(filter);
  }
  Filter beyond = small_filter(1, 2, 1e30F, 0);
  CHECK_FALSE(scale_integers(beyond, {1e30}));
  Filter product = small_filter(127, 2, kLargest / 100, 0);
  CHECK_FALSE(scale_integers(product, {1.0}));
}

TEST_CASE("a BatchNorm before pre-quantized weights stays before them") {
  GraphBuilder b(testing::seed(), {5, 5, 2});
  const ValueId norm = b.batch_norm("bn", qdq(b, "x", b.input(), kInput));
  const ValueId conv = pre_quantized_convolution(b, "conv", norm, 3, {-3, 3}, kInput.scale);
  const Graph graph = b.finish(qdq(b, "y", conv, kInput));
  const Graph simplified = testing::check_simplify(graph);
  CHECK(testing::count<Convolution>(simplified) == 2);
  CHECK(filter_named(simplified, "conv").weights == filter_named(graph, "conv").weights);
  CHECK(filter_named(simplified, "bn").pre_quantized.has_value());
  // Float weights take it as ever.
  GraphBuilder c(testing::seed(), {5, 5, 2});
  const ValueId plain = c.convolution("conv", c.batch_norm("bn", qdq(c, "x", c.input(), kInput)), 3);
  CHECK(testing::count<Convolution>(testing::check_simplify(c.finish(qdq(c, "y", plain, kInput)))) == 1);
}

TEST_CASE("a lowered BatchNorm has weight integers only in a pre-quantized network") {
  for (const bool pre_quantized : {false, true}) {
    GraphBuilder b(testing::seed(), {5, 5, 3});
    BatchNorm norm;
    norm.gamma = {0.0F, -1e-44F, -0.3F};
    norm.beta = norm.mean = {0.0F, 1.0F, 2.0F};
    norm.variance = {1.0F, 1.0F, 1.0F};
    const ValueId x = pre_quantized ? qdq(b, "x", b.input(), kInput) : b.input();
    Graph graph = b.finish(b.node("bn", norm, {x}));
    REQUIRE(lower_batch_norms(graph).ok());
    validate(graph).value();
    const Filter& filter = filter_named(graph, "bn");
    CHECK(filter.pre_quantized.has_value() == pre_quantized);
    CHECK(filter.weights[2] == doctest::Approx(-0.3).epsilon(1e-4));
    if (!pre_quantized) continue;
    CHECK(filter.pre_quantized->integers == std::vector<std::int8_t>{0, 0, -127});
    check_consistent(filter);
  }
}

TEST_CASE("pre-quantized weights become integers with the range of their weight integers and a rounded bias") {
  const QuantizedFilter filter = pre_quantized_filter(small_filter(-1, 1, 0.5F, 1.0F), {0.25F, 0, {0, 3}}).value();
  CHECK(filter.range == QRange{-1, 1});
  CHECK(bits_for(filter.range) == 2);
  CHECK(filter.weights == std::vector<std::int8_t>{-1, 1});
  CHECK(filter.scales == std::vector<float>{0.5F});
  CHECK(filter.bias == std::vector<std::int32_t>{8});
  CHECK(pre_quantized_filter(small_filter(-128, 0, 1.0F, 0), kInput).value().range == QRange{-128, 0});
  // Half to even.
  CHECK(pre_quantized_filter(small_filter(1, 1, 0.5F, 0.3125F), {0.25F, 0, {0, 3}}).value().bias[0] == 2);
  CHECK(pre_quantized_filter(small_filter(1, 1, 0.5F, 0.4375F), {0.25F, 0, {0, 3}}).value().bias[0] == 4);
}

TEST_CASE("a bias beyond int32 is an error, unless all weight integers of its channel are zero") {
  CHECK(pre_quantized_filter(small_filter(1, 1, 0x1p-20F, 127.99F), {0x1p-4F, 0, {0, 255}}).ok());
  for (const float bias : {128.5F, -128.5F, kLargest}) {
    const auto refused = pre_quantized_filter(small_filter(0, 1, 0x1p-20F, bias), {0x1p-4F, 0, {0, 255}});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("output channel 0") != std::string::npos);
  }
  const Quantization input{0x1p-4F, 0, {0, 255}};
  const QuantizedFilter zero = pre_quantized_filter(small_filter(0, 0, 0x1p-20F, 1000.0F), input).value();
  CHECK(std::abs(static_cast<double>(zero.bias[0])) <= 0x1p30);
  CHECK(static_cast<double>(zero.bias[0]) * double{zero.scales[0]} * double{input.scale} ==
        doctest::Approx(1000.0).epsilon(1e-6));
}

}  // namespace narrow::graph
