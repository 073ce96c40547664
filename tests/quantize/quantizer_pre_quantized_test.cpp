// Calibration of what a pre-quantized network leaves open: everything becomes integer, and what is pre-quantized
// stays as it is.
#include <doctest/doctest.h>

#include <algorithm>

#include <cmath>

#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
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
using testing::signal_to_noise;
using testing::window;
using Names = std::vector<std::string>;

constexpr Quantization kWide{0.25F, 0, {0, 255}};  // as files have it: the clamp leaves the bits
constexpr Clamp kTwoBits{0.0F, 0.75F};

// clamp, Quantize, Dequantize, ternary convolution, BatchNorm: a block input of DoReFa and its kin.
ValueId block_convolution(GraphBuilder& b, const std::string& name, ValueId x, int channels, int stride) {
  const ValueId clip = b.clamp(name + ".clip", x, kTwoBits);
  const ValueId conv = pre_quantized_convolution(b, name, qdq(b, name + ".q", clip, kWide), channels, {-1, 1},
                                                 kWide.scale, window(3, stride, 1));
  return b.batch_norm(name + ".bn", conv);
}

// Float stem and classifier; two residual blocks between, the second with a projection; simplified.
Graph dorefa_like() {
  GraphBuilder b(testing::seed(), {12, 12, 3});
  const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1));
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {b.relu("stem.relu", b.batch_norm("stem.bn", stem))});
  const ValueId a = b.relu("a.relu", block_convolution(b, "a", pool, 6, 1));
  const ValueId one = b.relu("one", b.node("one.sum", Add{}, {block_convolution(b, "b", a, 6, 1), pool}));
  const ValueId c = b.relu("c.relu", block_convolution(b, "c", one, 8, 2));
  const ValueId projection = block_convolution(b, "p", one, 8, 2);
  const ValueId two = b.relu("two", b.node("two.sum", Add{}, {block_convolution(b, "d", c, 8, 1), projection}));
  const ValueId flat = b.node("flat", Flatten{}, {b.node("gap", GlobalAveragePool{}, {two})});
  Graph graph = b.finish(b.linear("fc", flat, 4));
  REQUIRE(simplify(graph).ok());
  return graph;
}

}  // namespace

TEST_CASE("a network trained with quantization runs in integers from end to end") {
  const Graph graph = dorefa_like();
  QuantizeOptions options;
  options.weight_bits = 5;
  const QuantizedGraph q = quantize(graph, options);
  CHECK(float_nodes(q.graph).empty());
  CHECK(testing::count<Quantize>(q.graph) == 1);
  CHECK(testing::count<Dequantize>(q.graph) == 0);
  // Both residual sums are rounded once.
  std::vector<std::string> in_float{"input", "fc"};
  for (const Node& node : q.graph.nodes) {
    const std::optional<std::size_t> summed = summed_input(q.graph, node);
    if (summed) in_float.push_back(q.graph.value(node.inputs[*summed]).name);
  }
  CHECK(in_float.size() == 4);
  for (const Value& value : q.graph.values) {
    const bool is_float = std::find(in_float.begin(), in_float.end(), value.name) != in_float.end();
    CHECK(value.quantization.has_value() != is_float);
  }
  for (const char* name : {"a", "b", "c", "d", "p"}) {
    const QuantizedFilter& filter = *filter_of(node_named(q.graph, name))->quantized;
    CHECK(filter.range == QRange{-1, 1});
    CHECK(bits_for(filter.range) == 2);
    CHECK(filter.weights == filter_of(node_named(graph, name))->pre_quantized->integers);
    // What it reads has the two bits that its clamp leaves of the file's.
    const Quantization& input = *q.graph.value(node_named(q.graph, name).inputs[0]).quantization;
    CHECK(input == Quantization{kWide.scale, 0, {0, 3}});
  }
  CHECK(has_line(q.report.events, "5 layers keep their pre-quantized weights"));
  CHECK(bits_for(filter_of(node_named(q.graph, "fc"))->quantized->range) == 8);
  CHECK(q.report.weights.size() == 7);
  // The two-bit tensors on the way are pre-quantized, so they are in the float network too.
  CHECK(signal_to_noise(graph, q.graph) > 20);
}

TEST_CASE("a value with pre-quantized and other readers is computed for each, not rounded twice") {
  const Graph graph = dorefa_like();
  const QuantizedGraph q = quantize(graph);
  // The stem: 2 bits for the first block, 8 for the residual add; the pools after it likewise.
  std::vector<int> bits;
  for (const Node& node : q.graph.nodes) {
    if (node.inputs[0] != node_named(q.graph, "stem").inputs[0]) continue;
    bits.push_back(bits_for(q.graph.value(node.output).quantization->range));
    CHECK(std::holds_alternative<Convolution>(node.op));
  }
  CHECK(bits == std::vector<int>{8, 2});
  CHECK(testing::count<MaxPool>(q.graph) == 2);
  // The first sum: the blocks after it read the same two bits, and no node reads it otherwise.
  CHECK(testing::count<Add>(q.graph) == 2);
  CHECK(q.graph.value(node_named(q.graph, "one.sum").output).quantization->range == QRange{0, 3});
}

TEST_CASE("a network that is pre-quantized everywhere needs no calibrated tensor") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const Quantization signed8{0.0625F, 128, {0, 255}};
  const ValueId x = qdq(b, "x", b.input(), signed8);
  const ValueId conv = pre_quantized_convolution(b, "conv", x, 3, {-5, 5}, signed8.scale, window(3, 1, 1));
  const ValueId y = qdq(b, "y", b.relu("relu", qdq(b, "w", conv, signed8)), signed8);
  const ValueId sum = qdq(b, "s", b.node("sum", Add{}, {x, y}), {0.125F, 100, {0, 255}});
  const ValueId concat = qdq(b, "t", b.node("concat", Concat{}, {sum, y}), signed8);
  Graph graph = b.finish(concat);
  REQUIRE(simplify(graph).ok());
  const QuantizedGraph q = quantize(graph);
  CHECK(node_names(q.graph) == Names{"x", "conv", "sum", "concat", "t.dq"});
  CHECK(testing::same_outputs(graph, q.graph));
  CHECK_FALSE(has_line(q.report.events, "inserted"));
  for (const TensorReport& tensor : q.report.tensors) CHECK(tensor.bits == 8);
}

TEST_CASE("what stays float gets its pre-quantized parameters from a Quantize") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId norm = b.node("norm", Lrn{}, {b.convolution("conv", b.input(), 4)});
  const ValueId head = pre_quantized_convolution(b, "head", qdq(b, "q", norm, kWide), 3, {-3, 3}, kWide.scale);
  Graph graph =
      b.finish(b.node("sum", Add{}, {head, qdq(b, "in", b.node("gap", GlobalAveragePool{}, {b.input()}), kWide)}));
  const QuantizedGraph q = quantize(graph);
  CHECK(std::holds_alternative<Quantize>(node_named(q.graph, "q").op));
  CHECK(*q.graph.value(node_named(q.graph, "q").output).quantization == kWide);
  CHECK(float_nodes(q.graph) == Names{"norm"});
  CHECK(*q.graph.value(node_named(q.graph, "gap").output).quantization == kWide);
}

TEST_CASE("unsimplified pre-quantized graphs are quantized as well") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId conv = b.convolution("conv", b.input(), 3);
  const ValueId joined = b.node("joined", Concat{}, {conv, qdq(b, "x", b.input(), kWide)});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {joined});
  const ValueId twice = qdq(b, "r", qdq(b, "q", b.relu("relu", pool), kWide), {0.5F, 3, {0, 255}});
  const ValueId flat = b.lossless("flat", Flatten{}, twice);
  Graph graph = b.finish(b.node("sum", Add{}, {b.linear("fc", flat, 5), b.linear("fc2", pool, 5)}));
  const QuantizedGraph q = quantize(graph);
  CHECK(float_nodes(q.graph).empty());
  CHECK(*q.graph.value(node_named(q.graph, "flat").output).quantization == Quantization{0.5F, 3, {0, 255}});
  CHECK(signal_to_noise(graph, q.graph) > 20);
}

TEST_CASE("pre-quantized weights that int32 can't hold are quantized anew, with a line that says so") {
  Graph graph = dorefa_like();
  for (Node& node : graph.nodes) {
    if (node.name == "c") filter_of(node)->bias.edit()[0] = 1e9F;  // whose weight integers are not all zero
  }
  const QuantizedGraph q = quantize(graph);
  CHECK(has_line(q.report.events, "'c': its pre-quantized weights are quantized anew: the bias of output channel 0"));
  CHECK(float_nodes(q.graph).empty());
  CHECK(bits_for(filter_of(node_named(q.graph, "c"))->quantized->range) == 8);
}

TEST_CASE("bits for what is pre-quantized are errors that say why") {
  const Graph graph = dorefa_like();
  const auto error = [&](const QuantizeOptions& options) {
    const auto result = quantize_graph(graph, testing::observe(graph), options);
    REQUIRE_FALSE(result.ok());
    return result.error().message;
  };
  QuantizeOptions options;
  options.layer_weight_bits = {{"a", 4}};
  CHECK(error(options).find("'a' has integer weights, which stay as they are; layers: stem, fc") == 0);
  options = {};
  options.layer_activation_bits = {{"a.q", 4}};
  CHECK(error(options).find("'a.q' is quantized already, and stays as it is") == 0);
  // First and last layer left in float: those that have float weights.
  options = {};
  options.boundary_layers = BoundaryLayers::kFloat;
  CHECK(float_nodes(quantize(graph, options).graph) == Names{"stem", "fc"});
}

TEST_CASE("a value quantized in very many ways is refused") {
  for (const int ways : {16, 17}) {
    GraphBuilder b(testing::seed(), {3, 3, 2});
    const ValueId conv = b.convolution("conv", b.input(), 2);
    ValueId sum = conv;
    for (int i = 0; i < ways; ++i) {
      sum = b.node("sum" + std::to_string(i), Add{}, {sum, qdq(b, "q" + std::to_string(i), conv, {0.5F, i, {0, 255}})});
    }
    const Graph graph = b.finish(sum);
    const auto result = quantize_graph(graph, testing::observe(graph), {});
    CHECK(result.ok() == (ways == 16));
    if (!result.ok()) CHECK(result.error().code == ErrorCode::kLimit);
  }
}

}  // namespace narrow::graph
