// Concat range unification. Claim: an input x that only a concatenation reads is rounded to the joined tensor's scale
// s_c at once, instead of to its own s_x <= s_c before. Rounding first to s_x moves it by at most s_x / 2, that is half
// a step of s_c, so the two ways differ by at most one step, and the direct one is off by at most half a step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "quantize/activation_quantization.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::has_line;
using testing::node_named;
using testing::quantize;
using testing::window;

const Quantization& output_of(const Graph& graph, std::string_view name) {
  return *graph.value(node_named(graph, name).output).quantization;
}

// The quantization is the value's own, from what was observed of it at 8 bits.
bool has_own(const Graph& graph, const Graph& quantized, const std::string& name) {
  const Node& node = node_named(graph, name);
  const auto observed = testing::observe(graph)[static_cast<std::size_t>(node.output)];
  return output_of(quantized, name) == choose_quantization(*observed, 8, node.clamp, name).value();
}

bool shares_scale(const Graph& graph, const std::string& input, const std::string& concat) {
  const Quantization& a = output_of(graph, input);
  const Quantization& b = output_of(graph, concat);
  return a.scale == b.scale && a.zero_point == b.zero_point;
}

// Three branches of a fire or inception module, one through a pool; `big` makes one of them large.
Graph branches(float bound) {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId one = b.convolution("one", stem, 4, {}, 1, GraphBuilder::kRelu);
  const ValueId two = b.node("pool", MaxPool{window(3, 1, 1)}, {b.convolution("two", stem, 4, {}, 1, {0.0F, bound})});
  const ValueId three = b.convolution("three", stem, 4);
  const ValueId joined = b.node("joined", Concat{}, {one, two, three});
  return b.finish(b.linear("fc", b.node("gap", GlobalAveragePool{}, {joined}), 3));
}

}  // namespace

TEST_CASE("what only a concatenation reads takes its scale, also through a pool, and keeps its clamp") {
  const QuantizedGraph q = quantize(branches(0.5F));
  for (const char* name : {"one", "two", "pool", "three"}) CHECK(shares_scale(q.graph, name, "joined"));
  const Quantization& joined = output_of(q.graph, "joined");
  CHECK(output_of(q.graph, "one").range == QRange{joined.zero_point, 255});
  const auto top = static_cast<std::int32_t>(std::nearbyint(0.5 / double{joined.scale})) + joined.zero_point;
  CHECK(output_of(q.graph, "two").range == QRange{joined.zero_point, top});
  CHECK(output_of(q.graph, "pool") == output_of(q.graph, "two"));
  CHECK(output_of(q.graph, "three").range == joined.range);
  CHECK(has_line(q.report.events, "unified the scales of concatenations with 3 of their inputs"));
}

TEST_CASE("rounding to the joined scale at once is within a step of rounding twice, and closer to float") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    const Graph graph = branches(3.0F);
    QuantizeOptions options;
    options.boundary_layers = BoundaryLayers::kOff;
    for (const char* name : {"one", "two", "three", "joined"}) options.layer_activation_bits.push_back({name, bits});
    const QuantizedGraph q = quantize(graph, options);
    // Each branch's own scale, as calibration would have chosen it.
    const auto observations = testing::observe(graph);
    double once = 0;
    double twice = 0;
    const Quantization& joined = output_of(q.graph, "joined");
    const auto values = testing::evaluate_all(graph, testing::random_input(graph, 1));
    for (const char* name : {"one", "two", "three"}) {
      const auto v = static_cast<std::size_t>(node_named(graph, name).output);
      const double own = double{observations[v]->max - observations[v]->min} / ((1 << bits) - 1);
      CHECK(own <= double{joined.scale} * 1.001);
      for (const double x : values[v]) {
        const double direct = std::nearbyint(x / double{joined.scale});
        const double rounded = std::nearbyint(std::nearbyint(x / own) * own / double{joined.scale});
        CHECK(std::abs(direct - rounded) <= 1);
        once += std::pow(direct * double{joined.scale} - x, 2);
        twice += std::pow(rounded * double{joined.scale} - x, 2);
      }
    }
    CHECK(once <= twice);
  }
}

TEST_CASE("a concatenation of unified inputs only copies") {
  const QuantizedGraph q = quantize(branches(0.5F));
  const auto values = testing::evaluate_all(q.graph, testing::random_input(q.graph, 3));
  const Node& joined = node_named(q.graph, "joined");
  const std::vector<double>& out = values[static_cast<std::size_t>(joined.output)];
  for (std::size_t part = 0; part < 3; ++part) {
    const std::vector<double>& in = values[static_cast<std::size_t>(joined.inputs[part])];
    for (std::size_t i = 0; i < in.size(); ++i) CHECK(out[i / 4 * 12 + part * 4 + i % 4] == in[i]);
  }
}

TEST_CASE("what has other readers keeps its own scale, as in DenseNet") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4);
  const ValueId one = b.convolution("one", stem, 4);
  const ValueId first = b.node("first", Concat{}, {stem, one});
  const ValueId two = b.convolution("two", first, 4);
  const ValueId second = b.node("second", Concat{}, {stem, one, two});
  const Graph graph = b.finish(b.linear("fc", second, 2));
  const QuantizedGraph q = quantize(graph);
  for (const char* name : {"stem", "one", "first"}) CHECK(has_own(graph, q.graph, name));
  CHECK(shares_scale(q.graph, "two", "second"));
  CHECK(has_line(q.report.events, "with 1 of their inputs"));
}

TEST_CASE("concatenations of concatenations share one scale") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId one = b.convolution("one", b.input(), 4);
  const ValueId two = b.convolution("two", b.input(), 4);
  const ValueId three = b.convolution("three", b.input(), 4);
  const ValueId inner = b.node("inner", Concat{}, {one, two});
  const ValueId outer = b.node("outer", Concat{},
                               {b.node("pool", MaxPool{window(2)}, {inner}), b.node("p", MaxPool{window(2)}, {three})});
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", outer, 2)));
  for (const char* name : {"one", "two", "three", "inner", "pool"}) CHECK(shares_scale(q.graph, name, "outer"));
}

TEST_CASE("a clamp narrower than a level of the concatenated tensor, other bits or the scores keep their scale") {
  // The others reach far beyond 0.001.
  const QuantizedGraph narrow = quantize(branches(0.001F));
  CHECK(has_own(branches(0.001F), narrow.graph, "two"));
  CHECK(shares_scale(narrow.graph, "one", "joined"));
  QuantizeOptions options;
  options.layer_activation_bits = {{"one", 5}};
  const QuantizedGraph wide = quantize(branches(0.5F), options);
  CHECK_FALSE(shares_scale(wide.graph, "one", "joined"));
  CHECK(bits_for(output_of(wide.graph, "one").range) == 5);
}

TEST_CASE("an input used twice and what a float operator wrote are unified as well") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4);
  const ValueId norm = b.node("norm", Lrn{}, {b.convolution("other", conv, 4)});
  const QuantizedGraph q = quantize(b.finish(b.linear("fc", b.node("joined", Concat{}, {norm, b.input(), norm}), 2)));
  CHECK(shares_scale(q.graph, "norm.quantize", "joined"));
}

}  // namespace narrow::graph
