// Which convolutions are added to a residual before they are rounded.
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
using testing::quantize;
using testing::window;
using Names = std::vector<std::string>;

constexpr Quantization kSumIn{0.0625F, 30, {0, 255}};
constexpr Quantization kSumOut{0.125F, 100, {0, 255}};

QuantizeOptions with_sums(ResidualSums residual_sums) {
  QuantizeOptions options;
  options.residual_sums = residual_sums;
  return options;
}

// stem -> {a -> b, residual} -> sum -> pooled scores
Graph residual_block(const Clamp& clamp_of_b = {}, int groups = 1) {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId c = b.convolution("b", a, 4, window(3, 1, 1), groups, clamp_of_b);
  const ValueId sum = b.node("sum", Add{}, {c, stem}, GraphBuilder::kRelu);
  return b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {sum}), 5));
}

bool is_rounded_value(const Graph& graph, const std::string& name) {
  return graph.value(node_named(graph, name).output).quantization.has_value();
}

// Of the node "sum": the name of the input that is not rounded.
std::string summed_name(const Graph& graph) {
  const Node& sum = node_named(graph, "sum");
  const std::optional<std::size_t> input = summed_input(graph, sum);
  return input ? graph.value(sum.inputs[*input]).name : "";
}

}  // namespace

TEST_CASE("a convolution that only a residual sum reads is not rounded before it") {
  const QuantizedGraph q = quantize(residual_block(), with_sums(ResidualSums::kOnce));
  CHECK(summed_name(q.graph) == "b");
  CHECK_FALSE(is_rounded_value(q.graph, "b"));
  CHECK(is_rounded_value(q.graph, "sum"));
  CHECK(float_nodes(q.graph).empty());
  CHECK(has_line(q.report.events, "1 convolution is added to a residual before the sum is rounded"));
  for (const TensorReport& tensor : q.report.tensors) CHECK(tensor.name != "b");
}

TEST_CASE("a convolution before a residual sum is rounded where it was asked for") {
  CHECK(is_rounded_value(quantize(residual_block(), with_sums(ResidualSums::kTwice)).graph, "b"));
  QuantizeOptions bits = with_sums(ResidualSums::kOnce);
  bits.layer_activation_bits = {{"b", 7}};
  const QuantizedGraph q = quantize(residual_block(), bits);
  CHECK(node_named(q.graph, "b").output != kNoValue);
  REQUIRE(is_rounded_value(q.graph, "b"));
  CHECK(bits_for(q.graph.value(node_named(q.graph, "b").output).quantization->range) == 7);
}

TEST_CASE("unless it is asked for, a sum of fewer than 6 bits is rounded twice") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    QuantizeOptions options;
    options.layer_activation_bits = {{"sum", bits}};
    CHECK(is_rounded_value(quantize(residual_block(), options).graph, "b") == (bits < 6));
    options.residual_sums = ResidualSums::kOnce;
    CHECK_FALSE(is_rounded_value(quantize(residual_block(), options).graph, "b"));
  }
}

TEST_CASE("a convolution with a clamp, or with one filter per channel, is rounded before a residual sum") {
  CHECK(is_rounded_value(quantize(residual_block(GraphBuilder::kRelu), with_sums(ResidualSums::kOnce)).graph, "b"));
  CHECK(is_rounded_value(quantize(residual_block({}, 4), with_sums(ResidualSums::kOnce)).graph, "b"));
  CHECK_FALSE(is_rounded_value(quantize(residual_block({}, 2), with_sums(ResidualSums::kOnce)).graph, "b"));
}

TEST_CASE("a convolution that something else reads too is rounded before a residual sum") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {a, stem});
  const Graph graph =
      b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {b.node("more", Multiply{}, {sum, a})}), 5));
  CHECK(is_rounded_value(quantize(graph, with_sums(ResidualSums::kOnce)).graph, "a"));
}

TEST_CASE("of two convolutions that are added the later one is not rounded") {
  for (const bool swapped : {false, true}) {
    GraphBuilder b(testing::seed(), {6, 6, 3});
    const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
    const ValueId first = b.convolution("first", stem, 8, window(3, 2, 1));
    const ValueId second = b.convolution("second", stem, 8, window(1, 2));
    const std::vector<ValueId> inputs = swapped ? std::vector{second, first} : std::vector{first, second};
    const ValueId sum = b.node("sum", Add{}, inputs);
    const Graph graph = b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {sum}), 5));
    const QuantizedGraph q = quantize(graph, with_sums(ResidualSums::kOnce));
    CHECK(summed_name(q.graph) == "second");
    CHECK(is_rounded_value(q.graph, "first"));
  }
}

TEST_CASE("a sum with a tensor that is repeated is rounded twice") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {a, b.node("mean", GlobalAveragePool{}, {stem})});
  const Graph graph = b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {sum}), 5));
  CHECK(is_rounded_value(quantize(graph, with_sums(ResidualSums::kOnce)).graph, "a"));
}

TEST_CASE("a pre-quantized sum of a convolution that the file does not round is rounded once") {
  for (const bool is_first : {true, false}) {
    GraphBuilder b(testing::seed(), {6, 6, 4});
    const ValueId x = qdq(b, "x", b.input(), kSumIn);
    const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-3, 3}, kSumIn.scale, window(3, 1, 1));
    const std::vector<ValueId> inputs = is_first ? std::vector{conv, x} : std::vector{x, conv};
    const Graph graph = b.finish(qdq(b, "q", b.node("sum", Add{}, inputs, GraphBuilder::kRelu), kSumOut));
    for (const Graph& integer :
         {integer_where_pre_quantized(graph).value().graph, quantize(graph, with_sums(ResidualSums::kTwice)).graph}) {
      CHECK(testing::same_outputs(graph, integer));
      CHECK(node_names(integer) == Names{"x", "conv", "sum", "q.dq"});
      CHECK(summed_name(integer) == "conv");
      CHECK(float_nodes(integer).empty());
      CHECK(integer.value(node_named(integer, "sum").output).quantization == kSumOut);
    }
  }
}

TEST_CASE("a sum that is read with pre-quantized and with other parameters is rounded twice, without a Quantize") {
  GraphBuilder b(testing::seed(), {6, 6, 4});
  const ValueId x = qdq(b, "x", b.input(), kSumIn);
  const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-3, 3}, kSumIn.scale, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {conv, x});
  const Graph graph = b.finish(b.node("both", Add{}, {qdq(b, "q", sum, kSumOut), sum}));
  const QuantizedGraph q = quantize(graph, with_sums(ResidualSums::kOnce));
  CHECK(is_rounded_value(q.graph, "conv"));
  CHECK(testing::count<Quantize>(q.graph) == 1);
  CHECK_FALSE(has_line(q.report.events, "added to a residual"));
}

TEST_CASE("a pre-quantized sum that is also read in float, or quantized in two ways, is not one kernel's") {
  const auto converted = [](bool in_float) {
    GraphBuilder b(testing::seed(), {6, 6, 4});
    const ValueId x = qdq(b, "x", b.input(), kSumIn);
    const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-3, 3}, kSumIn.scale, window(3, 1, 1));
    const ValueId sum = b.node("sum", Add{}, {conv, x});
    const ValueId q = qdq(b, "q", sum, kSumOut);
    const ValueId other = in_float ? sum : qdq(b, "r", sum, {0.25F, 100, {0, 255}});
    const Graph graph = b.finish(b.node("both", Add{}, {q, other}));
    Graph integer = integer_where_pre_quantized(graph).value().graph;
    CHECK(testing::same_outputs(graph, integer));
    return integer;
  };
  for (const bool in_float : {true, false}) {
    const Graph integer = converted(in_float);
    for (const Node& node : integer.nodes) CHECK_FALSE(summed_input(integer, node).has_value());
  }
}

}  // namespace narrow::graph
