// The wall for graphs from outside: one broken graph per rule on element types and quantization.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "graph/ir.h"
#include "graph/limits.h"
#include "tests/graph/check_refused.h"
#include "tests/graph/quantized_graph.h"
#include "tests/support/graph/named.h"
#include "tests/support/graph/random_graph.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::GraphBuilder;
using narrow::testing::node_named;
using narrow::testing::quantized_graph;
using narrow::testing::value_named;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void check_refused(const std::string& where, const std::string& reason, const std::function<void(Graph&)>& breaks) {
  Graph graph = quantized_graph();
  breaks(graph);
  testing::check_refused(graph, where, reason);
}

void check_accepted(const std::function<void(Graph&)>& changes) {
  Graph graph = quantized_graph();
  changes(graph);
  const Status status = validate(graph);
  CHECK_MESSAGE(status.ok(), status.error().text());
}

QuantizedFilter& filter(Graph& graph, std::string_view name) { return *filter_of(node_named(graph, name))->quantized; }
Quantization& quantization(Graph& graph, std::string_view name) { return *value_named(graph, name).quantization; }

}  // namespace

TEST_CASE("validation refuses scales that single precision can not compute with") {
  for (const float bad : {0.0F, -0.0F, -1.0F, kNan, kInfinity, -kInfinity, std::numeric_limits<float>::denorm_min(),
                          0x1.fp-127F, 0x1p+97F}) {
    check_refused("conv", "scale", [=](Graph& g) { quantization(g, "conv").scale = bad; });
    check_refused("conv", "weight scale of output channel 2", [=](Graph& g) { filter(g, "conv").scales[2] = bad; });
  }
}

TEST_CASE("validation refuses ranges and zero points that break their order") {
  struct Case {
    QRange range;
    std::int32_t zero_point;
  };
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  for (const Case& bad : {Case{{-1, 255}, 0}, Case{{0, 256}, 0}, Case{{5, 5}, 5}, Case{{6, 5}, 5}, Case{{5, 9}, 4},
                          Case{{5, 9}, 10}, Case{{kMin, kMax}, 0}, Case{{0, 255}, kMin}, Case{{0, 255}, kMax}}) {
    check_refused("conv", "breaks 0 <= lo", [&](Graph& g) {
      quantization(g, "conv").range = bad.range;
      quantization(g, "conv").zero_point = bad.zero_point;
    });
  }
  check_accepted([](Graph& g) { quantization(g, "conv") = Quantization{0.1F, 5, {5, 9}}; });
  check_accepted([](Graph& g) { quantization(g, "conv") = Quantization{0.1F, 1, {0, 1}}; });
}

TEST_CASE("validation refuses element types that an operator can not read or write") {
  const auto make_float = [](const char* name) {
    return [name](Graph& g) { value_named(g, name).quantization.reset(); };
  };
  check_refused("quantize", "'quantize' must be uint8", make_float("quantize"));
  check_refused("depthwise", "'conv' must be uint8", make_float("conv"));
  check_refused("max", "'depthwise' must be uint8", make_float("depthwise"));
  check_refused("sum", "'max' must be float32", [](Graph& g) { value_named(g, "sum").quantization.reset(); });
  check_refused("clip", "must be float32", make_float("clip"));
  check_refused("pad", "must be float32", make_float("pad"));
  check_refused("concat", "must be float32", make_float("concat"));
  check_refused("average", "must be float32", make_float("average"));
  check_refused("gap", "must be float32", make_float("gap"));
  check_refused("flatten", "must be float32", make_float("flatten"));
  check_refused("fc", "'hidden' must be uint8", make_float("hidden"));
  check_refused("quantize", "'conv_input' must be float32", [](Graph& g) {
    // quantize twice
    const ValueId twice = g.add_value("conv_input", value_named(g, "quantize").shape);
    g.value(twice).quantization = Quantization{};
    Node second;
    second.name = "first";
    second.op = Quantize{};
    second.inputs = {g.input};
    second.output = twice;
    node_named(g, "quantize").inputs[0] = twice;
    g.nodes.insert(g.nodes.begin(), second);
  });
  check_refused("concat", "'sum' must be uint8", [](Graph& g) {
    const ValueId real = g.add_value("real", value_named(g, "sum").shape);
    Node dequantize;
    dequantize.name = "dequantize";
    dequantize.op = Dequantize{};
    dequantize.inputs = {node_named(g, "max").output};
    dequantize.output = real;
    node_named(g, "sum").inputs = {node_named(g, "max").output, node_named(g, "max").output};
    g.nodes.insert(g.nodes.begin() + 4, dequantize);
    node_named(g, "concat").inputs[0] = real;
    // The message names the value that is wrong.
    g.value(real).name = "sum";
    value_named(g, "sum").name = "the_sum";
  });
}

TEST_CASE("a dequantized value may go on in float") {
  Graph g = quantized_graph();
  Node dequantize;
  dequantize.name = "dequantize";
  dequantize.op = Dequantize{};
  dequantize.inputs = {node_named(g, "hidden").output};
  dequantize.output = g.add_value("real", {1, 1, 5});
  g.output = dequantize.output;
  g.nodes.pop_back();
  g.nodes.push_back(dequantize);
  CHECK(validate(g).ok());
  // Dequantize reads uint8 only and writes float32 only.
  g.value(dequantize.output).quantization = Quantization{};
  CHECK_FALSE(validate(g).ok());
}

TEST_CASE("float layers read and write float only") {
  for (const char* name : {"conv", "fc"}) {
    check_refused(name, "must be float32", [=](Graph& g) {
      Filter& f = *filter_of(node_named(g, name));
      f.weights.edit().assign(f.quantized->weights.size(), 0.5F);
      f.bias.edit().assign(f.quantized->bias.size(), 0.5F);
      f.quantized.reset();
    });
  }
  check_refused("clip", "must be float32", [](Graph& g) {
    BatchNorm norm;
    norm.gamma = norm.beta = norm.mean = norm.variance = std::vector<float>(4, 1.0F);
    node_named(g, "clip").op = norm;
    node_named(g, "clip").clamp = Clamp{};
  });
}

TEST_CASE("operators that move bytes keep their quantization") {
  struct Case {
    const char* node;
    const char* value;
  };
  for (const Case& c : {Case{"max", "depthwise"}, Case{"pad", "clip"}, Case{"flatten", "gap"}}) {
    check_refused(c.node, "must have equal quantization", [&](Graph& g) { quantization(g, c.value).scale = 0.06F; });
    check_refused(c.node, "must have equal quantization", [&](Graph& g) { quantization(g, c.value).zero_point = 11; });
    check_refused(c.node, "must have equal quantization", [&](Graph& g) { quantization(g, c.value).range.hi = 254; });
  }
  check_refused("clip", "must have equal quantization", [](Graph& g) {
    node_named(g, "clip").op = Identity{};
    node_named(g, "clip").clamp = Clamp{};
    quantization(g, "sum").scale = 0.06F;
  });
}

TEST_CASE("validation refuses multipliers that single precision can not compute with") {
  // 2^96 / 2^-100 is finite, but its product with an accumulator is not.
  for (const float huge : {0x1p+96F, 0x1p+90F}) {
    check_refused("sum", "the multiplier of 'max'", [=](Graph& g) {
      quantization(g, "max").scale = quantization(g, "depthwise").scale = huge;
      quantization(g, "sum").scale = 0x1p-100F;
      filter(g, "depthwise").scales.assign(4, huge);
    });
  }
  check_refused("clip", "the multiplier of 'sum'", [](Graph& g) {
    quantization(g, "sum").scale = 0x1p-100F;
    quantization(g, "clip").scale = quantization(g, "pad").scale = 0x1p+90F;
  });
  // The divisor of an average counts: 1/4 of the smallest normal float is not normal.
  check_refused("average", "the multiplier of 'concat'", [](Graph& g) {
    quantization(g, "concat").scale = 0x1p-60F;
    quantization(g, "average").scale = 0x1p+66F;
  });
  // A window at the border may hold one pixel only, so the multiplier without the divisor counts too.
  check_refused("average", "the multiplier of 'concat'", [](Graph& g) {
    quantization(g, "concat").scale = 0x1p+60F;
    quantization(g, "average").scale = 0x1p-37F;
  });
  check_refused("gap", "the multiplier of 'average'", [](Graph& g) {
    quantization(g, "average").scale = 0x1p-60F;
    quantization(g, "gap").scale = quantization(g, "flatten").scale = 0x1p+66F;
  });
  check_refused("conv", "the multiplier of output channel 1", [](Graph& g) {
    quantization(g, "quantize").scale = 0.01F;
    filter(g, "conv").scales[1] = 0x1p-126F;
  });
  // The float output of the last layer has no output scale.
  check_refused("fc", "the multiplier of output channel 0", [](Graph& g) { filter(g, "fc").scales[0] = 0x1p-126F; });
  check_accepted([](Graph& g) { filter(g, "conv").scales[1] = 0x1p-120F; });
}

TEST_CASE("validation refuses quantized weights of the wrong size or out of range") {
  for (const char* name : {"conv", "depthwise", "hidden", "fc"}) {
    check_refused(name, "quantized weights, needs", [=](Graph& g) { filter(g, name).weights.edit().pop_back(); });
    check_refused(name, "weight scales", [=](Graph& g) { filter(g, name).scales.pop_back(); });
    check_refused(name, "biases", [=](Graph& g) { filter(g, name).bias.push_back(0); });
    for (const QRange& bad :
         {QRange{-129, 0}, QRange{0, 128}, QRange{3, 2}, QRange{std::numeric_limits<std::int32_t>::min(), 0}}) {
      check_refused(name, "is not a range within", [=](Graph& g) { filter(g, name).range = bad; });
    }
    check_refused(name, "weight 0 is -127, outside its range [-7, 7]",
                  [=](Graph& g) { filter(g, name).range = QRange::weights(4); });
  }
  check_refused("conv", "weight elements, needs", [](Graph& g) { filter_of(node_named(g, "conv"))->weights = {1.0F}; });
  check_refused("conv", "bias elements, needs", [](Graph& g) { filter_of(node_named(g, "conv"))->bias = {1.0F}; });
  check_accepted([](Graph& g) { filter_of(node_named(g, "conv"))->bias.edit().assign(4, 1.0F); });
}

TEST_CASE("validation refuses accumulators that may overflow") {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  // conv: 27 products of at most 127 * (255 + 10) with the correction for the zero point.
  constexpr std::int32_t kProducts = 27 * 127 * (255 + 10);
  for (const std::int32_t sign : {1, -1}) {
    check_accepted([=](Graph& g) { filter(g, "conv").bias[3] = sign * (kMax - kProducts); });
    check_refused("conv", "the int32 accumulator of output channel 3",
                  [=](Graph& g) { filter(g, "conv").bias[3] = sign * (kMax - kProducts + 1); });
  }
  check_refused("conv", "accumulator of output channel 0",
                [](Graph& g) { filter(g, "conv").bias[0] = std::numeric_limits<std::int32_t>::min(); });
}

TEST_CASE("validation refuses layers too deep for int32 by themselves") {
  // 127 * 255 * K reaches 2^31 at K = 66313; with -128 and a zero point of 255 it is far less.
  const auto deep = [](std::int64_t pixels, QRange weights, std::int32_t zero_point) {
    GraphBuilder b(1, {pixels, 1, 1});
    const ValueId x = b.node("quantize", Quantize{}, {b.input()});
    QuantizedFilter q;
    q.range = weights;
    q.weights.edit().assign(static_cast<std::size_t>(pixels), 0);
    q.scales = {1.0F};
    q.bias = {0};
    Filter f;
    f.quantized = q;
    Graph g = b.finish(b.node("fc", Linear{1, f}, {x}));
    g.value(x).quantization = Quantization{1.0F, zero_point, {0, 255}};
    return validate(g);
  };
  CHECK(deep(65536, {-127, 127}, 0).ok());
  CHECK(deep(65535, {-128, 127}, 0).ok());
  CHECK_FALSE(deep(65536, {-128, 127}, 2).ok());
  CHECK_FALSE(deep(40000, {-128, 127}, 255).ok());
  CHECK(deep(65536, {-1, 1}, 255).ok());
}

namespace {

// input -> quantize -> {conv (float32), sum} -> sum -> dequantize: the sum is rounded once.
Graph residual_sum() {
  Graph g;
  g.input = g.add_value("input", {4, 4, 2});
  const ValueId x = g.add_node("quantize", Quantize{}, {g.input}).value();
  g.value(x).quantization = Quantization{0.05F, 10, {0, 255}};
  Convolution op;
  op.window.kernel_h = op.window.kernel_w = 3;
  op.window.pad = {1, 1, 1, 1};
  op.out_channels = 2;
  op.filter.quantized.emplace();
  op.filter.quantized->range = {-127, 127};
  op.filter.quantized->weights.edit().assign(36, 3);
  op.filter.quantized->scales = {0.01F, 0.02F};
  op.filter.quantized->bias = {5, -5};
  const ValueId conv = g.add_node("conv", op, {x}).value();
  const ValueId sum = g.add_node("sum", Add{}, {conv, x}, {0.0F, 6.0F}).value();
  g.value(sum).quantization = Quantization{0.1F, 0, {0, 255}};
  g.output = g.add_node("dequantize", Dequantize{}, {sum}).value();
  return g;
}

void check_sum_refused(const std::string& where, const std::string& reason, const std::function<void(Graph&)>& breaks) {
  Graph graph = residual_sum();
  breaks(graph);
  testing::check_refused(graph, where, reason);
}

}  // namespace

TEST_CASE("a sum may read the float32 results of an integer convolution and round once") {
  Graph g = residual_sum();
  CHECK_MESSAGE(validate(g).ok(), validate(g).error().text());
  std::swap(node_named(g, "sum").inputs[0], node_named(g, "sum").inputs[1]);
  CHECK(validate(g).ok());
}

TEST_CASE("validation refuses a sum of float32 and uint8 that no kernel can round once") {
  const auto last_of = [](Graph& g) { return static_cast<ValueId>(g.values.size() - 1); };
  check_sum_refused("sum", "nothing else may read it",
                    [](Graph& g) { CHECK(g.add_node("relu", Activation{}, {node_named(g, "conv").output}).ok()); });
  check_sum_refused("sum", "nothing else may read it", [](Graph& g) { g.output = node_named(g, "conv").output; });
  check_sum_refused("sum", "'conv' may not have a clamp", [](Graph& g) {
    node_named(g, "conv").clamp = {0.0F, kInfinity};
  });
  check_sum_refused("sum", "only a convolution in integers may write it", [&](Graph& g) {
    // A Dequantize instead of the convolution.
    node_named(g, "conv").op = Dequantize{};
  });
  check_sum_refused("sum", "only a convolution in integers may write it", [](Graph& g) {
    node_named(g, "sum").inputs = {g.input, node_named(g, "quantize").output};
  });
  check_sum_refused("sum", "must be uint8", [](Graph& g) {
    node_named(g, "sum").inputs = {node_named(g, "conv").output, node_named(g, "conv").output};
  });
  check_sum_refused("sum", "must be float32", [](Graph& g) { value_named(g, "sum").quantization.reset(); });
  check_sum_refused("sum", "the multiplier of 'conv'", [](Graph& g) { quantization(g, "sum").scale = 0x1p-100F; });
  check_sum_refused("sum", "the multiplier of 'quantize'", [](Graph& g) {
    quantization(g, "quantize").scale = 0x1p+60F;
    quantization(g, "sum").scale = 0x1p-60F;
    filter(g, "conv").scales.assign(2, 0x1p-40F);
  });
  check_sum_refused("sum", "must have the shape of the sum", [&](Graph& g) {
    // One pixel of the residual, which would be repeated.
    Slice slice;
    slice.size = {1, 1, 2};
    const ValueId one = g.add_node("one", slice, {node_named(g, "quantize").output}).value();
    g.value(one).quantization = value_named(g, "quantize").quantization;
    node_named(g, "sum").inputs[1] = last_of(g);
    std::rotate(g.nodes.begin() + 1, g.nodes.end() - 1, g.nodes.end());
  });
}
