// Without calibration, what is pre-quantized runs in integers; the rest keeps running in float32.
#include <doctest/doctest.h>

#include "quantize/integer_where_pre_quantized.h"
#include "tests/support/data.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::float_nodes;
using testing::GraphBuilder;
using testing::has_line;
using testing::node_named;
using testing::node_names;
using testing::pre_quantized_convolution;
using testing::qdq;
using testing::window;
using Names = std::vector<std::string>;

// A log of nothing but this count.
struct Summary {
  std::string text;
  friend bool operator==(const std::vector<Event>& log, const Summary& summary) {
    return log == std::vector{Event{Event::Kind::kSummary, "", summary.text}};
  }
};

constexpr Quantization kIn{0.0625F, 30, {0, 255}};
constexpr Quantization kOut{0.125F, 100, {0, 255}};

// The same numbers, to the last bit.
PartlyIntegerGraph convert(const Graph& graph) {
  validate(graph).value();
  auto converted = integer_where_pre_quantized(graph);
  REQUIRE_MESSAGE(converted.ok(), converted.error().text());
  validate(converted->graph).value();
  CHECK(testing::same_outputs(graph, converted->graph));
  return *std::move(converted);
}

Linear pre_quantized_linear(std::int64_t features) {
  Linear op;
  op.out_features = 2;
  PreQuantizedWeights pre_quantized;
  for (std::int64_t i = 0; i < 2 * features; ++i)
    pre_quantized.integers.edit().push_back(static_cast<std::int8_t>(i % 9 - 4));
  pre_quantized.scales = {0.25F, 0.5F};
  for (std::size_t i = 0; i < pre_quantized.integers.size(); ++i) {
    op.filter.weights.edit().push_back(static_cast<float>(pre_quantized.integers[i]) *
                                       pre_quantized.scales[i / (pre_quantized.integers.size() / 2)]);
  }
  op.filter.bias = {0.5F, -1.0F};
  op.filter.pre_quantized = std::move(pre_quantized);
  return op;
}

}  // namespace

TEST_CASE("a graph without pre-quantized values stays float") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const Graph graph = b.finish(b.linear("fc", b.convolution("conv", b.input(), 3), 2));
  const PartlyIntegerGraph converted = convert(graph);
  CHECK(node_names(converted.graph) == Names{"conv", "fc"});
  CHECK(converted.log == Summary{"all 2 nodes run in float32: nothing is pre-quantized"});
}

TEST_CASE("every operator between Dequantize and Quantize runs on their integers") {
  const std::vector<std::pair<std::string, Op>> operators = {
      {"clamp", Activation{}},
      {"average", AveragePool{window(2, 2, 1), false}},
      {"padded average", AveragePool{window(2, 2, 1), true}},
      {"gap", GlobalAveragePool{}},
      {"silu", Function{FunctionKind::kSilu, 0, 0, {}, {}}},
      {"prelu", Function{FunctionKind::kPRelu, 0, 0, {0.25F, -1.0F, 3.0F}, {}}},
      {"linear", pre_quantized_linear(48)},
      {"sum", Add{}},
      {"difference", Subtract{}},
      {"product", Multiply{}},
      {"most", Maximum{}},
      {"least", Minimum{}},
      {"concat", Concat{}}};
  for (const auto& [key, op] : operators) {
    const std::string name = key;  // clang 14 captures no structured binding
    CAPTURE(name);
    GraphBuilder b(testing::seed(), {4, 4, 3});
    std::vector<ValueId> inputs{qdq(b, "x", b.input(), kIn)};
    const bool two = infer_shape(op, {{4, 4, 3}, {4, 4, 3}}).ok();
    if (two) inputs.push_back(qdq(b, "y", b.input(), {0.03125F, 128, {0, 255}}));
    const Clamp clamp = name == "clamp" || name == "sum" ? Clamp{-0.5F, 1.0F} : Clamp{};
    const ValueId result = b.node(name, op, inputs, clamp);
    const PartlyIntegerGraph converted = convert(b.finish(qdq(b, "q", result, kOut)));
    CHECK(node_names(converted.graph) == (two ? Names{"x", "y", name, "q.dq"} : Names{"x", name, "q.dq"}));
    CHECK(float_nodes(converted.graph).empty());
    CHECK(converted.graph.value(node_named(converted.graph, name).output).quantization == kOut);
    CHECK(converted.log == Summary{"1 of 1 nodes run in integers, as the file specifies"});
  }
}

TEST_CASE("a convolution keeps its weight integers, their range and its clamp") {
  for (const QRange& range : {QRange{-1, 1}, QRange{-128, 127}, QRange{-7, 3}, QRange{0, 1}}) {
    GraphBuilder b(testing::seed(), {6, 6, 4});
    const ValueId conv = pre_quantized_convolution(b, "conv", qdq(b, "x", b.input(), kIn), 4, range, kIn.scale,
                                                   window(3, 2, 1), 2, {-1.0F, 1.5F});
    const Graph graph = b.finish(qdq(b, "q", conv, kOut));
    const PartlyIntegerGraph converted = convert(graph);
    const Filter& filter = *filter_of(node_named(converted.graph, "conv"));
    REQUIRE(filter.quantized.has_value());
    CHECK(filter.quantized->range == range);
    CHECK(filter.quantized->weights == filter_of(node_named(graph, "conv"))->pre_quantized->integers);
    CHECK(filter.weights.empty());
    CHECK_FALSE(filter.pre_quantized.has_value());
  }
}

TEST_CASE("a pre-quantized layer that is read in float writes float32 from its accumulators") {
  GraphBuilder b(testing::seed(), {6, 6, 2});
  const ValueId conv = pre_quantized_convolution(b, "conv", qdq(b, "x", b.input(), kIn), 4, {-1, 1}, kIn.scale);
  const ValueId q = qdq(b, "q", conv, kOut);
  const PartlyIntegerGraph converted = convert(b.finish(b.node("sum", Add{}, {conv, q})));
  // Once for its integers, once for float; each rounded once.
  CHECK(node_names(converted.graph) == Names{"x", "conv", "q", "q.dq", "sum"});
  CHECK_FALSE(converted.graph.value(node_named(converted.graph, "conv").output).quantization.has_value());
  CHECK(filter_of(node_named(converted.graph, "conv"))->quantized.has_value());
  CHECK(std::holds_alternative<Convolution>(node_named(converted.graph, "q").op));
  CHECK(has_line(converted.log, "'sum' (Add) runs in float32: the file does not quantize its input"));
}

TEST_CASE("several quantizations of one result are as many computations, up to a limit") {
  for (const int ways : {2, 16, 20}) {
    GraphBuilder b(testing::seed(), {3, 3, 2});
    const ValueId conv = pre_quantized_convolution(b, "conv", qdq(b, "x", b.input(), kIn), 2, {-1, 1}, kIn.scale);
    ValueId sum = b.input();
    for (int i = 0; i < ways; ++i) {
      const ValueId q = qdq(b, "q" + std::to_string(i), conv, {0.125F, i, {0, 255}});
      sum = b.node("sum" + std::to_string(i), Add{}, {sum, q});
    }
    const PartlyIntegerGraph converted = convert(b.finish(sum));
    // Beyond the limit it is computed once more, in float32, and quantized from there.
    CHECK(testing::count<Convolution>(converted.graph) == (ways <= 16 ? ways : 17));
    CHECK(testing::count<Quantize>(converted.graph) == (ways <= 16 ? 1 : 1 + ways - 16));
  }
}

TEST_CASE("what has no integers stays float, and the log says why") {
  GraphBuilder b(testing::seed(), {4, 4, 2});
  const ValueId x = qdq(b, "x", b.input(), kIn);
  const ValueId plain = qdq(b, "p", b.convolution("plain", x, 2), kOut);
  const ValueId lrn = qdq(b, "l", b.node("lrn", Lrn{}, {plain}), kOut);
  const ValueId early = pre_quantized_convolution(b, "early", b.input(), 2, {-1, 1}, 1.0F);
  const ValueId sum = b.node("sum", Add{}, {lrn, early});
  const PartlyIntegerGraph converted = convert(b.finish(qdq(b, "s", sum, kOut)));
  CHECK(float_nodes(converted.graph) == Names{"plain", "lrn", "early", "sum"});
  CHECK(has_line(converted.log, "'plain' (Convolution) runs in float32: the file has no integer weights for it"));
  CHECK(has_line(converted.log, "'lrn' (Lrn) runs in float32: it has no integer implementation"));
  CHECK(has_line(converted.log, "'early' (Convolution) runs in float32: the file does not quantize its input"));
  CHECK_FALSE(filter_of(node_named(converted.graph, "early"))->pre_quantized.has_value());
  CHECK(has_line(converted.log, "'early' (Convolution) loses the integers of its weights"));
  CHECK_FALSE(has_line(converted.log, "'plain' (Convolution) loses"));
}

TEST_CASE("integer weights without integer activations become float32, and the log says so") {
  GraphBuilder b(testing::seed(), {4, 4, 2});
  const PartlyIntegerGraph converted =
      convert(b.finish(pre_quantized_convolution(b, "conv", b.input(), 2, {-7, 7}, 1.0F)));
  CHECK(float_nodes(converted.graph) == Names{"conv"});
  CHECK(has_line(converted.log, "all 1 nodes run in float32: no activation is pre-quantized"));
  CHECK(has_line(converted.log, "'conv' (Convolution) loses the integers of its weights"));
}

TEST_CASE("a bias that int32 can't hold leaves its layer in float, with the reason") {
  GraphBuilder b(testing::seed(), {4, 4, 2});
  const ValueId conv = pre_quantized_convolution(b, "conv", qdq(b, "x", b.input(), kIn), 2, {-1, 1}, kIn.scale);
  Graph graph = b.finish(qdq(b, "q", conv, kOut));
  for (Node& node : graph.nodes) {
    if (Filter* filter = filter_of(node)) filter->bias.edit()[0] = 1e9F;  // whose weight integers are not all zero
  }
  const PartlyIntegerGraph converted = convert(graph);
  CHECK(float_nodes(converted.graph) == Names{"conv"});
  CHECK(has_line(converted.log, "'conv' (Convolution) runs in float32: the bias of output channel 0"));
}

TEST_CASE("Dequantize into other parameters is a requantization") {
  GraphBuilder b(testing::seed(), {4, 4, 2});
  const PartlyIntegerGraph converted = convert(b.finish(qdq(b, "q", qdq(b, "x", b.input(), kIn), kOut)));
  CHECK(testing::op_names(converted.graph) == Names{"Quantize", "Activation", "Dequantize"});
}

TEST_CASE("a concat that is read in float runs on integers when its inputs are quantized alike") {
  for (const Quantization& second : {kIn, kOut, Quantization{0.0625F, 30, {0, 254}}}) {
    CAPTURE(second.scale);
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId x = qdq(b, "x", b.input(), kIn);
    const ValueId y = qdq(b, "y", b.convolution("conv", b.input(), 3), second);
    const ValueId both = b.node("both", Concat{}, {x, y, x});
    const PartlyIntegerGraph converted = convert(b.finish(b.node("flat", Flatten{}, {both})));
    for (const char* name : {"both", "flat"}) {
      const auto& quantization = converted.graph.value(node_named(converted.graph, name).output).quantization;
      CHECK(quantization.has_value() == (second == kIn));
    }
  }
}

}  // namespace narrow::graph
