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

constexpr Quantization kIn{0.0625F, 30, {0, 255}};
constexpr Quantization kOut{0.125F, 100, {0, 255}};

QuantizeOptions with(ResidualSums residual_sums) {
  QuantizeOptions options;
  options.residual_sums = residual_sums;
  return options;
}

// stem -> {a -> b, residual} -> sum -> pooled scores
Graph block(const Clamp& clamp_of_b = {}, int groups = 1) {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId c = b.convolution("b", a, 4, window(3, 1, 1), groups, clamp_of_b);
  const ValueId sum = b.node("sum", Add{}, {c, stem}, GraphBuilder::kRelu);
  return b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {sum}), 5));
}

bool is_rounded(const Graph& graph, const std::string& name) {
  return graph.value(node_named(graph, name).output).quantization.has_value();
}

// Of the node "sum": the name of the input that is not rounded.
std::string summed(const Graph& graph) {
  const Node& sum = node_named(graph, "sum");
  const std::optional<std::size_t> input = summed_input(graph, sum);
  return input ? graph.value(sum.inputs[*input]).name : "";
}

}  // namespace

TEST_CASE("a convolution that only a residual sum reads is not rounded before it") {
  const QuantizedGraph q = quantize(block(), with(ResidualSums::kOnce));
  CHECK(summed(q.graph) == "b");
  CHECK_FALSE(is_rounded(q.graph, "b"));
  CHECK(is_rounded(q.graph, "sum"));
  CHECK(float_nodes(q.graph).empty());
  CHECK(has_line(q.report.events, "1 convolution is added to a residual before the sum is rounded"));
  for (const TensorReport& tensor : q.report.tensors) CHECK(tensor.name != "b");
}

TEST_CASE("a convolution before a residual sum is rounded where it was asked for") {
  CHECK(is_rounded(quantize(block(), with(ResidualSums::kTwice)).graph, "b"));
  QuantizeOptions bits = with(ResidualSums::kOnce);
  bits.layer_activation_bits = {{"b", 7}};
  const QuantizedGraph q = quantize(block(), bits);
  CHECK(node_named(q.graph, "b").output != kNoValue);
  REQUIRE(is_rounded(q.graph, "b"));
  CHECK(bits_for(q.graph.value(node_named(q.graph, "b").output).quantization->range) == 7);
}

TEST_CASE("a convolution with a clamp, or with one filter per channel, is rounded before a residual sum") {
  CHECK(is_rounded(quantize(block(GraphBuilder::kRelu), with(ResidualSums::kOnce)).graph, "b"));
  CHECK(is_rounded(quantize(block({}, 4), with(ResidualSums::kOnce)).graph, "b"));
  CHECK_FALSE(is_rounded(quantize(block({}, 2), with(ResidualSums::kOnce)).graph, "b"));
}

TEST_CASE("a convolution that something else reads too is rounded before a residual sum") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {a, stem});
  const Graph graph =
      b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {b.node("more", Multiply{}, {sum, a})}), 5));
  CHECK(is_rounded(quantize(graph, with(ResidualSums::kOnce)).graph, "a"));
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
    const QuantizedGraph q = quantize(graph, with(ResidualSums::kOnce));
    CHECK(summed(q.graph) == "second");
    CHECK(is_rounded(q.graph, "first"));
  }
}

TEST_CASE("a sum with a tensor that is repeated is rounded twice") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a = b.convolution("a", stem, 4, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {a, b.node("mean", GlobalAveragePool{}, {stem})});
  const Graph graph = b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {sum}), 5));
  CHECK(is_rounded(quantize(graph, with(ResidualSums::kOnce)).graph, "a"));
}

TEST_CASE("a pre-quantized sum of a convolution that the file does not round is rounded once") {
  for (const bool is_first : {true, false}) {
    GraphBuilder b(testing::seed(), {6, 6, 4});
    const ValueId x = qdq(b, "x", b.input(), kIn);
    const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-3, 3}, kIn.scale, window(3, 1, 1));
    const std::vector<ValueId> inputs = is_first ? std::vector{conv, x} : std::vector{x, conv};
    const Graph graph = b.finish(qdq(b, "q", b.node("sum", Add{}, inputs, GraphBuilder::kRelu), kOut));
    for (const Graph& integer :
         {integer_where_pre_quantized(graph).value().graph, quantize(graph, with(ResidualSums::kTwice)).graph}) {
      CHECK(testing::same_outputs(graph, integer));
      CHECK(node_names(integer) == Names{"x", "conv", "sum", "q.dq"});
      CHECK(summed(integer) == "conv");
      CHECK(float_nodes(integer).empty());
      CHECK(integer.value(node_named(integer, "sum").output).quantization == kOut);
    }
  }
}

TEST_CASE("a pre-quantized sum that is also read in float, or quantized in two ways, is not one kernel's") {
  const auto converted = [](bool in_float) {
    GraphBuilder b(testing::seed(), {6, 6, 4});
    const ValueId x = qdq(b, "x", b.input(), kIn);
    const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-3, 3}, kIn.scale, window(3, 1, 1));
    const ValueId sum = b.node("sum", Add{}, {conv, x});
    const ValueId q = qdq(b, "q", sum, kOut);
    const ValueId other = in_float ? sum : qdq(b, "r", sum, {0.25F, 100, {0, 255}});
    const Graph graph = b.finish(b.node("both", Add{}, {q, other}));
    const Graph integer = integer_where_pre_quantized(graph).value().graph;
    CHECK(testing::same_outputs(graph, integer));
    return integer;
  };
  for (const bool in_float : {true, false}) {
    const Graph integer = converted(in_float);
    for (const Node& node : integer.nodes) CHECK_FALSE(summed_input(integer, node).has_value());
  }
}

}  // namespace narrow::graph
