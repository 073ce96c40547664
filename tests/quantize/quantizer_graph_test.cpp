#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "quantize/activations.h"
#include "quantize/calibrate.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/text.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::has;
using testing::window;
using Observations = std::vector<std::optional<Observation>>;

// stem -> pool -> block (two convolutions and a residual add) -> gap -> flat -> fc
Graph residual_graph() {
  GraphBuilder b(testing::seed(), {12, 12, 3});
  const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {stem});
  const ValueId a = b.convolution("a", pool, 8, window(3, 1, 1), 1, GraphBuilder::kRelu6);
  const ValueId c = b.convolution("c", a, 8, window(3, 1, 1), 8);
  const ValueId sum = b.node("sum", Add{}, {c, pool}, GraphBuilder::kRelu);
  const ValueId gap = b.node("gap", GlobalAveragePool{}, {sum});
  const ValueId flat = b.node("flat", Flatten{}, {gap});
  return b.finish(b.linear("fc", flat, 5));
}

Observations observe(const Graph& graph) {
  CalibrationInputs inputs;
  inputs.count = 8;
  inputs.fill = [&graph](std::size_t i, std::span<float> out) -> Status {
    const std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
    std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  return calibrate(graph, inputs, ObserverKind::kMinMax, 1, {}).value();
}

QuantizedGraph quantize(const Graph& graph, const QuantizeOptions& options = {}) {
  QuantizedGraph q = quantize_graph(graph, observe(graph), options).value();
  validate(q.graph).value();
  return q;
}

Error error_of(const Graph& graph, const QuantizeOptions& options) {
  const auto result = quantize_graph(graph, observe(graph), options);
  REQUIRE_FALSE(result.ok());
  return result.error();
}

const Node& node(const Graph& graph, std::string_view name) {
  const auto found =
      std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.name == name; });
  REQUIRE_MESSAGE(found != graph.nodes.end(), "no node " << std::string(name));
  return *found;
}
const Value& output(const Graph& graph, std::string_view name) { return graph.value(node(graph, name).output); }
int range_bits(const Graph& graph, const std::string& name) {
  REQUIRE(output(graph, name).quantization.has_value());
  return bits_for(output(graph, name).quantization->range);
}
int weight_bits(const Graph& graph, const std::string& name) {
  const Filter& filter = *filter_of(node(graph, name));
  return filter.quantized ? bits_for(filter.quantized->range) : 32;
}

std::vector<std::string> node_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& n : graph.nodes) names.push_back(n.name);
  return names;
}

bool logged(const QuantizedGraph& q, const std::string& part) {
  return std::any_of(q.report.events.begin(), q.report.events.end(),
                     [&](const Event& event) { return has(event.text, part); });
}

}  // namespace

TEST_CASE("quantizing makes every tensor integer between a float input and float scores") {
  const Graph graph = residual_graph();
  const QuantizedGraph q = quantize(graph);
  CHECK(node_names(q.graph) ==
        std::vector<std::string>{"input.quantize", "stem", "pool", "a", "c", "sum", "gap", "flat", "fc"});
  for (const Value& value : q.graph.values) {
    const bool is_float = value.name == "input" || value.name == "fc";
    CHECK(value.quantization.has_value() != is_float);
  }
  CHECK(q.graph.value(q.graph.input).shape == graph.value(graph.input).shape);
  CHECK(q.graph.value(q.graph.output).name == "fc");
  for (const Node& n : q.graph.nodes) {
    CHECK(n.clamp.is_identity());
    if (filter_of(n) == nullptr) continue;
    CHECK(filter_of(n)->weights.empty());
    CHECK(filter_of(n)->quantized.has_value());
  }
  CHECK(logged(q, "inserted Quantize 'input.quantize' on 'input': 8 bits"));
  CHECK(logged(q, "'fc' writes float32 scores"));
  CHECK(q.report.pictures == 8);
  CHECK(q.report.tensors.size() == 8);
  CHECK(q.report.weights.size() == 4);
}

TEST_CASE("ReLU is a range that starts at the zero point and the residual add has its own range") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    QuantizeOptions options;
    options.activation_bits = bits;
    options.free_bits = FreeBits::kOff;
    const Graph graph = residual_graph();
    const QuantizedGraph q = quantize(graph, options);
    for (const char* name : {"stem", "a", "sum"}) {
      const Quantization& quantization = *output(q.graph, name).quantization;
      CHECK(quantization.range.lo == quantization.zero_point);
      // No layer with weights reads the sum: it keeps all bits.
      CHECK(range_bits(q.graph, name) == (std::string_view(name) == "sum" ? 8 : bits));
    }
    CHECK(output(q.graph, "sum").quantization->scale != output(q.graph, "c").quantization->scale);
    CHECK(output(q.graph, "c").quantization->zero_point > 0);
    const auto observed = observe(graph);
    for (const TensorReport& tensor : q.report.tensors) {
      if (tensor.name != "sum") continue;
      CHECK(tensor.bits == 8);
      CHECK(tensor.min == 0.0F);
      CHECK(double{tensor.quantization.scale} * tensor.quantization.range.hi ==
            doctest::Approx(double{tensor.max}).epsilon(1e-5));
    }
  }
}

TEST_CASE("what a layer and the last layer read has the more bits of both") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(1), 1, GraphBuilder::kRelu);
  const ValueId conv = b.convolution("conv", stem, 4, window(1), 1, GraphBuilder::kRelu);
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {stem});
  const ValueId small = b.node("small", MaxPool{window(2, 2)}, {conv});
  const ValueId joined = b.node("joined", Add{}, {b.linear("fc", pool, 3), b.linear("fc2", small, 3)});
  QuantizeOptions options;
  options.activation_bits = 3;
  const QuantizedGraph q = quantize(b.finish(joined), options);
  CHECK(range_bits(q.graph, "stem") == 8);
  CHECK(range_bits(q.graph, "pool") == 8);
  CHECK(range_bits(q.graph, "conv") == 8);
  CHECK(logged(q, "'stem' and the tensors that share its integers are required at 3 and at 8 bits: 8 for all"));
}

TEST_CASE("tensors that are concatenated before a layer have the layer's bits") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(1), 1, GraphBuilder::kRelu);
  const ValueId one = b.convolution("one", stem, 4, window(1), 1, GraphBuilder::kRelu);
  const ValueId two = b.convolution("two", stem, 4, window(1), 1, GraphBuilder::kRelu);
  const ValueId joined = b.node("joined", Concat{}, {one, b.node("pool", MaxPool{window(3, 1, 1)}, {two})});
  const ValueId conv = b.convolution("conv", joined, 4, window(1), 1, GraphBuilder::kRelu);
  QuantizeOptions options;
  options.activation_bits = 3;
  options.free_bits = FreeBits::kOff;
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", conv, 3)), options);
  for (const char* name : {"one", "two", "pool", "joined"}) CHECK(range_bits(q.graph, name) == 3);
}

TEST_CASE("lossless operators share the quantization of their input") {
  const QuantizedGraph q = quantize(residual_graph());
  CHECK(output(q.graph, "pool").quantization == output(q.graph, "stem").quantization);
  CHECK(output(q.graph, "flat").quantization == output(q.graph, "gap").quantization);

  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4, window(1), 1, {-0.5F, 1.0F});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {conv});
  const ValueId padded = b.node("padded", PadChannels{1, 2}, {pool});
  const ValueId same = b.node("same", Identity{}, {padded});
  const ValueId flat = b.node("flat", Flatten{}, {same});
  const QuantizedGraph chain = quantize(b.finish(b.linear("fc", flat, 3)));
  for (const char* name : {"pool", "padded", "same", "flat"}) {
    CHECK(output(chain.graph, name).quantization == output(chain.graph, "conv").quantization);
  }
}

TEST_CASE("the first and the last layer keep their bits when the rest goes lower") {
  QuantizeOptions options;
  options.weight_bits = 4;
  options.activation_bits = 3;
  options.free_bits = FreeBits::kActivations;
  const QuantizedGraph kept = quantize(residual_graph(), options);
  CHECK(weight_bits(kept.graph, "stem") == 8);
  CHECK(weight_bits(kept.graph, "a") == 4);
  CHECK(weight_bits(kept.graph, "c") == 4);
  CHECK(weight_bits(kept.graph, "fc") == 8);
  CHECK(range_bits(kept.graph, "input.quantize") == 8);
  CHECK(range_bits(kept.graph, "stem") == 3);
  // Only a depthwise layer reads it, to which fewer would save little time.
  CHECK(range_bits(kept.graph, "a") == 8);
  // Only the sum reads it, and only the pooling the sum.
  CHECK(range_bits(kept.graph, "c") == 8);
  CHECK(range_bits(kept.graph, "sum") == 8);
  // The last layer reads what the pooling wrote.
  CHECK(range_bits(kept.graph, "gap") == 8);
  CHECK(range_bits(kept.graph, "flat") == 8);

  options.boundary_bits = 6;
  const QuantizedGraph six = quantize(residual_graph(), options);
  CHECK(weight_bits(six.graph, "stem") == 6);
  CHECK(range_bits(six.graph, "input.quantize") == 6);

  options.boundary_layers = BoundaryLayers::kOff;
  const QuantizedGraph off = quantize(residual_graph(), options);
  for (const char* name : {"stem", "a", "c", "fc"}) CHECK(weight_bits(off.graph, name) == 4);
  for (const char* name : {"input.quantize", "stem", "gap", "flat"}) CHECK(range_bits(off.graph, name) == 3);
}

TEST_CASE("a first and a last layer left in float get conversions around them") {
  QuantizeOptions options;
  options.weight_bits = 4;
  options.activation_bits = 4;
  options.boundary_layers = BoundaryLayers::kFloat;
  const QuantizedGraph q = quantize(residual_graph(), options);
  CHECK(node_names(q.graph) == std::vector<std::string>{"stem", "stem.quantize", "pool", "a", "c", "sum", "gap", "flat",
                                                        "flat.dequantize", "fc"});
  CHECK(weight_bits(q.graph, "stem") == 32);
  CHECK(weight_bits(q.graph, "fc") == 32);
  CHECK(weight_bits(q.graph, "a") == 4);
  CHECK(node(q.graph, "stem").clamp == GraphBuilder::kRelu);
  CHECK_FALSE(output(q.graph, "stem").quantization.has_value());
  CHECK(range_bits(q.graph, "stem.quantize") == 4);
  CHECK(output(q.graph, "stem.quantize").quantization->zero_point == 0);
  CHECK(output(q.graph, "pool").quantization == output(q.graph, "stem.quantize").quantization);
  CHECK(range_bits(q.graph, "flat") == 8);
  CHECK(logged(q, "'stem' stays in float"));
  CHECK(logged(q, "inserted Dequantize 'flat.dequantize' on 'flat'"));
  CHECK(q.report.weights.front().bits == 32);

  // Bits by layer name have priority.
  options.layer_weight_bits = {{"stem", 5}};
  const QuantizedGraph named = quantize(residual_graph(), options);
  CHECK(weight_bits(named.graph, "stem") == 5);
  CHECK(node_names(named.graph).front() == "input.quantize");
}

TEST_CASE("a network of one layer can stay in float altogether") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const Graph graph = b.finish(b.linear("fc", b.input(), 3));
  QuantizeOptions options;
  options.boundary_layers = BoundaryLayers::kFloat;
  CHECK(node_names(quantize(graph, options).graph) == std::vector<std::string>{"fc"});
  CHECK(node_names(quantize(graph).graph) == std::vector<std::string>{"input.quantize", "fc"});
}

TEST_CASE("every first and every last layer of a branched network has the boundary bits") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId left = b.convolution("left", b.input(), 4);
  const ValueId right = b.convolution("right", b.node("shrink", AveragePool{window(1), false}, {b.input()}), 4);
  const ValueId concat = b.node("concat", Concat{}, {left, right});
  const ValueId middle = b.convolution("middle", concat, 6);
  const ValueId one = b.linear("one", middle, 3);
  const ValueId two = b.convolution("two", b.node("gap", GlobalAveragePool{}, {middle}), 3);
  const Graph graph = b.finish(b.node("out", Add{}, {one, two}));
  QuantizeOptions options;
  options.weight_bits = 2;
  options.activation_bits = 2;
  const QuantizedGraph q = quantize(graph, options);
  for (const char* name : {"left", "right", "one", "two"}) CHECK(weight_bits(q.graph, name) == 8);
  CHECK(weight_bits(q.graph, "middle") == 2);
  CHECK(range_bits(q.graph, "concat") == 2);
  CHECK(range_bits(q.graph, "middle") == 8);
  // What is dequantized to scores is as fine as what first and last layers read.
  CHECK(range_bits(q.graph, "out") == 8);
  CHECK(node_names(q.graph).back() == "out.dequantize");
  CHECK(q.graph.value(q.graph.output).name == "out.dequantize");
}

TEST_CASE("bits by layer name have priority over all others") {
  QuantizeOptions options;
  options.layer_weight_bits = {{"a", 3}, {"fc", 5}};
  options.layer_activation_bits = {{"a", 2}, {"gap", 4}, {"pool", 7}};
  const QuantizedGraph q = quantize(residual_graph(), options);
  CHECK(weight_bits(q.graph, "a") == 3);
  CHECK(weight_bits(q.graph, "fc") == 5);
  CHECK(weight_bits(q.graph, "c") == 8);
  CHECK(range_bits(q.graph, "a") == 2);
  CHECK(range_bits(q.graph, "flat") == 4);
  CHECK(range_bits(q.graph, "stem") == 7);
  CHECK(range_bits(q.graph, "c") == 8);

  options.layer_activation_bits = {{"pool", 3}, {"stem", 5}};
  const QuantizedGraph both = quantize(residual_graph(), options);
  CHECK(range_bits(both.graph, "pool") == 5);
  CHECK(logged(both, "'stem' and the tensors that share its integers are required at 3 and at 5 bits: 5 for all"));
}

TEST_CASE("bad bits and layer names are errors that list the valid ones") {
  const Graph graph = residual_graph();
  for (const int bits : {-1, 0, 1, 9, 32}) {
    QuantizeOptions options;
    options.weight_bits = bits;
    CHECK(error_of(graph, options).text() ==
          "weight bits: " + std::to_string(bits) + " bits are not possible; valid are 2, 3, 4, 5, 6, 7 and 8");
    options = {};
    options.activation_bits = bits;
    CHECK(error_of(graph, options).where == "activation bits");
    options = {};
    options.boundary_bits = bits;
    CHECK(error_of(graph, options).where == "boundary bits");
    options = {};
    options.layer_weight_bits = {{"a", bits}};
    CHECK(error_of(graph, options).where == "layer weight bits of 'a'");
  }
  QuantizeOptions options;
  options.layer_weight_bits = {{"nowhere", 4}};
  const Error unknown = error_of(graph, options);
  CHECK(unknown.code == ErrorCode::kNotFound);
  CHECK(has(unknown.message, "'nowhere'; layers: stem, a, c, fc"));
  options.layer_weight_bits = {{"pool", 4}};
  CHECK(has(error_of(graph, options).message, "'pool' has no weights; layers: stem, a, c, fc"));
  options.layer_weight_bits = {{"a", 4}, {"a", 5}};
  CHECK(has(error_of(graph, options).message, "named twice"));
  options.layer_weight_bits.clear();
  options.layer_activation_bits = {{"fc", 4}};
  CHECK(has(error_of(graph, options).message, "scores"));
}

TEST_CASE("a percentile and a power of the error are within their limits, or the error says them") {
  const Graph graph = residual_graph();
  const CalibrationInputs none{1, [](std::size_t, std::span<float>) -> Status {
                                 return Error{ErrorCode::kIo, "images are not looked at", ""};
                               }};
  Activations activations = Activations::create(graph, none, {1, 0, {}}).value();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  QuantizeOptions options;
  options.observer = ObserverKind::kPercentile;
  for (const double percentile : {0.0, 49.9, 100.5, nan}) {
    options.percentile = percentile;
    CHECK(quantize_graph(graph, activations, options).error().text() == "percentile: is from 50 to 100");
  }
  for (const double percentile : {50.0, 100.0}) {
    options.percentile = percentile;
    CHECK(quantize_graph(graph, activations, options).error().message == "images are not looked at");
  }
  options = {};
  for (const double norm : {0.0, 0.5, 11.0, nan}) {
    options.norm = norm;
    CHECK(quantize_graph(graph, activations, options).error().text() == "norm: is from 1 to 10");
  }
}

TEST_CASE("a tensor that was never observed is an error with its name") {
  const Graph graph = residual_graph();
  const Observations complete = observe(graph);
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    Observations observations = complete;
    observations[v].reset();
    const auto result = quantize_graph(graph, observations, {});
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().where == graph.values[v].name);
    CHECK(has(result.error().message, "'" + graph.values[v].name + "' was never observed"));
  }
  CHECK_FALSE(quantize_graph(graph, {}, {}).ok());
  Observations of_another = complete;
  of_another.front()->channel_means.pop_back();
  CHECK(has(quantize_graph(graph, of_another, {}).error().message, "2 channel means for 3 channels"));
}

TEST_CASE("dead parts need no observation and are dropped") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4);
  b.convolution("dead", stem, 4);
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", stem, 3)));
  CHECK(node_names(q.graph) == std::vector<std::string>{"input.quantize", "stem", "fc"});
}

TEST_CASE("inserted names do not clash with the network's own") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4);
  const QuantizedGraph q = quantize(b.finish(b.linear("input.quantize", stem, 3)));
  CHECK(node_names(q.graph) == std::vector<std::string>{"input.quantize_", "stem", "input.quantize"});
}

TEST_CASE("what cannot be quantized is refused by name") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4);
  const Graph plain = b.finish(conv);
  const ValueId odd = b.clamp("odd", conv, {0.0F, 0.0F});
  const Graph clamped = b.finish(b.convolution("head", odd, 3));
  const ValueId norm = b.batch_norm("norm", conv);
  const Graph normed = b.finish(norm);
  CHECK(error_of(clamped, {}).where == "odd");
  const auto refused = quantize_graph(normed, Observations(normed.values.size(), Observation{0, 1, 1}), {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == "norm");
  const QuantizedGraph q = quantize(plain);
  const auto twice = quantize_graph(q.graph, Observations(q.graph.values.size(), Observation{0, 1, 1}), {});
  REQUIRE_FALSE(twice.ok());
  CHECK(has(twice.error().message, "quantized already"));
}

TEST_CASE("quantizing twice gives the same graph") {
  const Graph graph = residual_graph();
  const QuantizedGraph a = quantize(graph);
  const QuantizedGraph b = quantize(graph);
  REQUIRE(a.graph.values.size() == b.graph.values.size());
  for (std::size_t v = 0; v < a.graph.values.size(); ++v) {
    CHECK(a.graph.values[v].quantization == b.graph.values[v].quantization);
  }
  for (std::size_t n = 0; n < a.graph.nodes.size(); ++n) {
    const Filter* fa = filter_of(a.graph.nodes[n]);
    const Filter* fb = filter_of(b.graph.nodes[n]);
    if (fa == nullptr) continue;
    CHECK(fa->quantized->weights == fb->quantized->weights);
    CHECK(fa->quantized->scales == fb->quantized->scales);
    CHECK(fa->quantized->bias == fb->quantized->bias);
  }
  CHECK(a.report.events == b.report.events);
}

}  // namespace narrow::graph
