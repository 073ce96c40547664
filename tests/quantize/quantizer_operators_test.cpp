// Quantizing nonlinear functions, broadcasts and what moves elements; float32 operators between integers.
#include <doctest/doctest.h>

#include <cmath>

#include "graph/function.h"
#include "tests/support/data.h"
#include "tests/support/graph/functions.h"
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
using testing::op_names;
using testing::quantize;
using testing::signal_to_noise;
using testing::window;
using Names = std::vector<std::string>;

const Quantization& output_of(const Graph& graph, std::string_view name) {
  const auto& quantization = graph.value(node_named(graph, name).output).quantization;
  REQUIRE(quantization.has_value());
  return *quantization;
}

}  // namespace

TEST_CASE("every function becomes a table of the quantization that calibration chose") {
  for (const FunctionKind kind : testing::all_functions()) {
    for (const int bits : {2, 8}) {
      GraphBuilder b(testing::seed(), {5, 5, 3});
      const ValueId conv = b.convolution("conv", b.input(), 4, window(3), 1, testing::domain_of(kind));
      const ValueId f = b.function("f", conv, kind, 0.2F, 0.5F);
      const Graph graph = b.finish(b.linear("fc", f, 3));
      QuantizeOptions options;
      options.activation_bits = bits;
      options.boundary_layers = BoundaryLayers::kOff;
      const QuantizedGraph q = quantize(graph, options);
      CHECK(float_nodes(q.graph).empty());
      const auto& function = std::get<Function>(node_named(q.graph, "f").op);
      CHECK(function.table == make_table(function, output_of(q.graph, "conv"), output_of(q.graph, "f")));
      CHECK(function.table.size() == (row_of(kind).has_slopes ? 4 * 256 : 256));
      CHECK(bits_for(output_of(q.graph, "f").range) == bits);
      // An input that rounds to the other side of a jump changes the result by its height.
      if (bits == 8) CHECK(signal_to_noise(graph, q.graph) > (testing::has_jumps(kind) ? 12 : 25));
    }
  }
}

TEST_CASE("squeeze and excite runs in integers, broadcasts included") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId x = b.function("act", b.convolution("conv", b.input(), 6, window(3, 1, 1)), FunctionKind::kSilu);
  const ValueId squeezed =
      b.convolution("reduce", b.node("gap", GlobalAveragePool{}, {x}), 2, {}, 1, GraphBuilder::kRelu);
  const ValueId gate = b.function("gate", b.convolution("expand", squeezed, 6), FunctionKind::kSigmoid);
  const ValueId scaled = b.node("scale", Multiply{}, {x, gate});
  const ValueId centred = b.node("centre", Subtract{}, {scaled, gate}, GraphBuilder::kRelu);
  const ValueId sum = b.node("sum", Add{}, {gate, centred}, {0.0F, 1.0F});
  const Graph graph = b.finish(b.linear("fc", b.node("out", GlobalAveragePool{}, {sum}), 3));
  const QuantizedGraph q = quantize(graph);
  CHECK(float_nodes(q.graph).empty());
  for (const Node& node : q.graph.nodes) CHECK(node.clamp.is_identity());
  CHECK(output_of(q.graph, "centre").range.lo == output_of(q.graph, "centre").zero_point);
  CHECK(signal_to_noise(graph, q.graph) > 25);
}

TEST_CASE("the larger and the smaller of two tensors run in integers") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId left = b.convolution("left", b.input(), 6, window(3, 1, 1));
  const ValueId right = b.convolution("right", b.input(), 6);
  const ValueId most = b.node("most", Maximum{}, {left, right}, GraphBuilder::kRelu);
  const ValueId least = b.node("least", Minimum{}, {most, b.node("gap", GlobalAveragePool{}, {right})});
  const Graph graph = b.finish(b.linear("fc", least, 3));
  const QuantizedGraph q = quantize(graph);
  CHECK(float_nodes(q.graph).empty());
  CHECK(output_of(q.graph, "most").range.lo == output_of(q.graph, "most").zero_point);
  CHECK(signal_to_noise(graph, q.graph) > 25);
}

TEST_CASE("a clamp without zero in it stays beside its range, of any operator that takes one") {
  for (const Clamp clamp : {Clamp{0.25F, 6.0F}, Clamp{-2.0F, -0.5F}, Clamp{1e-6F, 1.0F}}) {
    GraphBuilder b(testing::seed(), {8, 8, 3});
    const ValueId x = b.convolution("conv", b.input(), 6, window(3, 1, 1), 1, clamp);
    const ValueId y = b.node("sum", Add{}, {x, b.convolution("right", b.input(), 6)}, clamp);
    const ValueId z = b.clamp("clamp", b.function("tanh", y, FunctionKind::kTanh), clamp);
    const Graph graph = b.finish(b.linear("fc", z, 3));
    const QuantizedGraph q = quantize(graph);
    CHECK(float_nodes(q.graph).empty());
    CHECK(validate(q.graph).ok());
    CHECK(node_named(q.graph, "conv").clamp == clamp);
    for (const char* name : {"conv", "sum"}) {
      const Quantization& to = output_of(q.graph, name);
      CHECK(to.range.contains(to.zero_point));
    }
    CHECK(signal_to_noise(graph, q.graph) > 20);
  }
}

TEST_CASE("operators that move elements share their input's quantization and bits") {
  GraphBuilder b(testing::seed(), {4, 6, 4});
  const ValueId conv = b.convolution("conv", b.input(), 4, {}, 1, {-0.5F, 2.0F});
  const ValueId padded = b.node("padded", Pad{{1, 0, 1, 0}}, {conv});
  const ValueId sliced = b.node("sliced", Slice{{0, 1, 1}, {6, 4, 2}}, {padded});
  const ValueId shaped = b.node("shaped", Reshape{{6, 2, 4}}, {sliced});
  const ValueId turned = b.node("turned", Gather{0, {1, 0, 1}}, {b.node("turn", Transpose{{1, 2, 0}}, {shaped})});
  QuantizeOptions options;
  options.activation_bits = 4;
  options.layer_activation_bits = {{"shaped", 6}};
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", turned, 3)), options);
  for (const char* name : {"padded", "sliced", "shaped", "turned"}) {
    CHECK(output_of(q.graph, name) == output_of(q.graph, "conv"));
  }
  CHECK(bits_for(output_of(q.graph, "conv").range) == 6);
}

TEST_CASE("a Softmax at the end takes the scores as the last layer's accumulators have them") {
  for (const bool reshaped : {false, true}) {
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId gap = b.node("gap", GlobalAveragePool{}, {b.convolution("conv", b.input(), 4)});
    ValueId scores = b.linear("fc", gap, 6);
    if (reshaped) scores = b.node("shaped", Reshape{{1, 2, 3}}, {scores});
    const QuantizedGraph q = quantize(b.finish(b.node("prob", Softmax{}, {scores})));
    CHECK(node_names(q.graph) == (reshaped ? Names{"input.quantize", "conv", "gap", "fc", "shaped", "prob"}
                                           : Names{"input.quantize", "conv", "gap", "fc", "prob"}));
    CHECK(q.graph.value(q.graph.output).name == "prob");
    CHECK_FALSE(q.graph.value(node_named(q.graph, "fc").output).quantization.has_value());
    CHECK(filter_of(node_named(q.graph, "fc"))->quantized.has_value());
    CHECK(has_line(q.report.events, "'fc' writes float32 from its int32 accumulators"));
    CHECK(has_line(q.report.events, "'prob' (Softmax) runs in float32: it has no integer implementation"));
  }
}

TEST_CASE("a Softmax after another operator reads it dequantized, with the boundary bits") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId gap = b.node("gap", GlobalAveragePool{}, {b.convolution("conv", b.input(), 4)});
  const Graph graph = b.finish(b.node("flat", Flatten{}, {b.node("prob", Softmax{}, {gap})}));
  QuantizeOptions options;
  options.activation_bits = 3;
  options.weight_bits = 3;
  const QuantizedGraph q = quantize(graph, options);
  CHECK(node_names(q.graph) == Names{"input.quantize", "conv", "gap", "gap.dequantize", "prob", "flat"});
  CHECK(bits_for(output_of(q.graph, "gap").range) == 8);
  // The convolution is a last layer, whatever follows it in float.
  CHECK(bits_for(filter_of(node_named(q.graph, "conv"))->quantized->range) == 8);
  options.boundary_layers = BoundaryLayers::kFloat;
  CHECK(node_names(quantize(graph, options).graph) ==
        Names{"conv", "conv.quantize", "gap", "gap.dequantize", "prob", "flat"});
}

TEST_CASE("an operator without integer implementation is a float island that the report names") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId norm = b.node("norm", Lrn{}, {stem});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {norm});
  const ValueId sum = b.node("sum", Add{}, {pool, b.convolution("next", pool, 8)});
  const ValueId last = b.node("again", Lrn{}, {sum});
  const Graph graph = b.finish(b.linear("fc", last, 3));
  const QuantizedGraph q = quantize(graph);
  CHECK(node_names(q.graph) == Names{"input.quantize", "stem", "norm", "norm.quantize", "pool", "next", "sum",
                                     "sum.dequantize", "again", "again.quantize", "fc"});
  // Nothing is rounded before the first island: its only reader takes float32.
  CHECK_FALSE(q.graph.value(node_named(q.graph, "stem").output).quantization.has_value());
  CHECK(node_named(q.graph, "stem").clamp == GraphBuilder::kRelu);
  CHECK(has_line(q.report.events, "'norm' (Lrn) runs in float32: it has no integer implementation"));
  CHECK(has_line(q.report.events, "inserted Quantize 'norm.quantize' on 'norm'"));
  CHECK(has_line(q.report.events, "inserted Dequantize 'sum.dequantize' on 'sum'"));
  CHECK(signal_to_noise(graph, q.graph) > 25);
}

TEST_CASE("a layer with integer readers beside float ones writes integers") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4);
  const ValueId norm = b.node("norm", Lrn{}, {conv});
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", b.node("sum", Add{}, {conv, norm}), 2)));
  CHECK(node_names(q.graph) ==
        Names{"input.quantize", "conv", "conv.dequantize", "norm", "norm.quantize", "sum", "fc"});
}

TEST_CASE("what moves elements between two float operators stays float") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId one = b.node("one", Lrn{}, {b.convolution("conv", b.input(), 4)});
  const ValueId two = b.node("two", Lrn{}, {b.node("pool", MaxPool{window(2, 2)}, {one})});
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", two, 2)));
  CHECK(op_names(q.graph) == Names{"Quantize", "Convolution", "Lrn", "MaxPool", "Lrn", "Quantize", "Linear"});
}

TEST_CASE("what runs in float32 can have no bits") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const Graph graph = b.finish(b.node("prob", Softmax{}, {b.linear("fc", b.convolution("conv", b.input(), 4), 3)}));
  for (const auto& [layer, reason] : {std::pair{"prob", "'prob' runs in float32; layers: conv"},
                                      std::pair{"fc", "'fc' writes float32; layers: conv"}}) {
    QuantizeOptions options;
    options.layer_activation_bits = {{layer, 4}};
    const auto result = quantize_graph(graph, testing::observe(graph), options);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().message == reason);
  }
}

}  // namespace narrow::graph
