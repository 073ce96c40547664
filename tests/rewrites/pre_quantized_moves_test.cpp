// The quantization of pre-quantized graphs is moved to where integers can use it, without a change of any number.
#include <doctest/doctest.h>

#include <functional>

#include "rewrites/pre_quantized.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::has_line;
using testing::node_named;
using testing::node_names;
using testing::op_names;
using testing::pre_quantized_convolution;
using testing::qdq;
using testing::window;
using Names = std::vector<std::string>;

constexpr Quantization kSigned{0.0625F, 30, {0, 255}};
constexpr Quantization kPositive{0.03125F, 0, {0, 255}};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The rewrites are exact and leave a valid graph.
Graph place(const Graph& graph, PassLog* log = nullptr) {
  validate(graph).value();
  Graph placed = graph;
  PassLog lines = place_pre_quantized(placed);
  const Status valid = validate(placed);
  REQUIRE_MESSAGE(valid.ok(), valid.error().text());
  CHECK(testing::same_outputs(graph, placed));
  Graph again = placed;
  CHECK(place_pre_quantized(again).empty());
  if (log != nullptr) *log = std::move(lines);
  return placed;
}

std::vector<std::pair<std::string, Op>> lossless_operators() {
  return {{"max", MaxPool{window(2, 2)}},  {"padded max", MaxPool{window(3, 1, 1)}}, {"channels", PadChannels{1, 2}},
          {"pad", Pad{{1, 0, 2, 1}}},      {"slice", Slice{{1, 0, 1}, {2, 3, 2}}},   {"flatten", Flatten{}},
          {"reshape", Reshape{{2, 4, 6}}}, {"transpose", Transpose{{2, 0, 1}}}};
}

const Quantization& quantization_of(const Graph& graph, std::string_view node) {
  return *graph.value(node_named(graph, node).output).quantization;
}

}  // namespace

TEST_CASE("a float graph is left alone") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  Graph graph = b.finish(b.relu("relu", b.convolution("conv", b.input(), 3)));
  CHECK_FALSE(is_pre_quantized(graph));
  CHECK(place_pre_quantized(graph).empty());
  CHECK(node_names(graph) == Names{"conv", "relu"});
}

TEST_CASE("every lossless operator runs on integers, after Dequantize and before Quantize") {
  for (const auto& [key, op] : lossless_operators()) {
    const std::string name = key;  // clang 14 captures no structured binding
    CAPTURE(name);
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId real = b.lossless(name, op, qdq(b, "q", b.input(), kSigned));
    PassLog log;
    const Graph forward = place(b.finish(b.linear("fc", real, 2)), &log);
    CHECK(op_names(forward) == Names{"Quantize", std::string(op_name(op)), "Dequantize", "Linear"});
    CHECK(node_names(forward)[1] == name);
    CHECK(quantization_of(forward, name) == kSigned);
    CHECK(has_line(log, "'" + name + "' before dequantizing"));

    GraphBuilder c(testing::seed(), {4, 4, 3});
    const ValueId conv = c.convolution("conv", c.input(), 3);
    const Graph backward = place(c.finish(c.linear("fc", qdq(c, "q", c.lossless(name, op, conv), kSigned), 2)), &log);
    CHECK(op_names(backward) == Names{"Convolution", "Quantize", std::string(op_name(op)), "Dequantize", "Linear"});
    CHECK(node_names(backward)[2] == name);
    CHECK(quantization_of(backward, name) == kSigned);
    CHECK(has_line(log, "moved quantize 'q' before"));
  }
}

TEST_CASE("operators that compute keep Quantize and Dequantize where they are") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = qdq(b, "q", b.input(), kSigned);
  const ValueId average = b.node("average", AveragePool{window(2, 2), false}, {x});
  const ValueId sum = b.node("sum", Add{}, {average, average});
  PassLog log;
  const Graph placed = place(b.finish(b.linear("fc", qdq(b, "r", sum, kSigned), 2)), &log);
  CHECK(log.empty());
  CHECK(node_names(placed) == Names{"q", "q.dq", "average", "sum", "r", "r.dq", "fc"});
}

TEST_CASE("float readers keep the float operator when others read its integers") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {b.convolution("conv", b.input(), 3)});
  const ValueId one = qdq(b, "one", pool, kSigned);
  const ValueId two = qdq(b, "two", pool, kPositive);
  const ValueId sum = b.node("sum", Add{}, {b.node("both", Add{}, {one, two}), pool});
  const Graph placed = place(b.finish(sum));
  CHECK(testing::count<MaxPool>(placed) == 3);
  CHECK_FALSE(placed.value(node_named(placed, "pool").output).quantization.has_value());
  CHECK(placed.value(node_named(placed, "one").output).shape == TensorShape{4, 4, 3});
}

TEST_CASE("a chain of lossless operators is passed at once, also up to the network's input") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId padded = b.node("pad", Pad{{1, 1, 1, 1}}, {b.input()});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {padded});
  const ValueId flat = b.node("flat", Flatten{}, {qdq(b, "q", pool, kSigned)});
  const Graph placed = place(b.finish(b.linear("fc", flat, 2)));
  CHECK(node_names(placed) == Names{"q", "pad", "pool", "flat", "flat.dequantize", "fc"});
}

TEST_CASE("a Concat that is only quantized reads integers, so that the layers before it write them") {
  const auto network = [](bool is_read_in_float, bool first_is_quantized) {
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId x = qdq(b, "x", b.input(), kSigned);
    ValueId first = pre_quantized_convolution(b, "first", x, 2, {-7, 7}, kSigned.scale);
    if (first_is_quantized) first = qdq(b, "own", first, kPositive);
    const ValueId second = pre_quantized_convolution(b, "second", x, 3, {-7, 7}, kSigned.scale);
    const ValueId joined = b.node("joined", Concat{}, {first, second});
    const ValueId fc = b.linear("fc", qdq(b, "q", joined, kSigned), 2);
    return b.finish(is_read_in_float ? b.node("sum", Add{}, {fc, b.linear("other", joined, 2)}) : fc);
  };
  const auto quantizes = [](const Graph& graph) { return testing::count<Quantize>(graph); };
  const Graph placed = place(network(false, false));
  CHECK(quantizes(placed) == 4);  // x, both layers, and the Concat's own
  // What is quantized already stays as it is, and so does a Concat that something reads in float.
  CHECK(quantizes(place(network(false, true))) == 4);
  CHECK(quantizes(place(network(true, false))) == 2);
}

TEST_CASE("a clamp before Quantize is a range of integers") {
  struct Case {
    Clamp clamp;
    QRange range;
  };
  // kSigned: steps of 1/16, zero at 30.
  for (const Case& c : {Case{{0.0F, kInfinity}, {30, 255}}, Case{{0.0F, 1.0F}, {30, 46}},
                        Case{{-kInfinity, 0.5F}, {0, 38}}, Case{{-100.0F, 100.0F}, {0, 255}}}) {
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId sum = b.node("sum", Add{}, {b.input(), b.input()});
    const Graph graph = b.finish(b.linear("fc", qdq(b, "q", b.clamp("clamp", sum, c.clamp), kSigned), 2));
    const Graph placed = place(graph);
    CHECK(testing::count<Activation>(placed) == 0);
    CHECK(quantization_of(placed, "q") == Quantization{kSigned.scale, kSigned.zero_point, c.range});
  }
}

TEST_CASE("a clamp that is no range of integers stays") {
  for (const Clamp& clamp : {Clamp{0.5F, 1.0F}, Clamp{0.0F, 0.01F}, Clamp{-1.0F, -0.5F}}) {
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const Graph graph = b.finish(b.linear("fc", qdq(b, "q", b.clamp("clamp", b.input(), clamp), kSigned), 2));
    const Graph placed = place(graph);
    CHECK(testing::count<Activation>(placed) == 1);
    CHECK(quantization_of(placed, "q") == kSigned);
  }
}

TEST_CASE("Quantize reads past an Activation that has other readers, and uses a layer's own clamp") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 3, {}, 1, GraphBuilder::kRelu);
  const ValueId clip = b.clamp("clip", conv, {0.0F, 1.5F});
  const ValueId q = qdq(b, "q", clip, kSigned);
  const Graph placed = place(b.finish(b.node("sum", Add{}, {q, clip})));
  CHECK(quantization_of(placed, "q").range == QRange{30, 54});
  CHECK(node_named(placed, "q").inputs[0] == node_named(placed, "conv").output);
  CHECK(testing::count<Activation>(placed) == 1);
}

TEST_CASE("what is narrowed stays narrow after lossless operators") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {b.relu("relu", b.input())});
  const Graph placed = place(b.finish(b.linear("fc", qdq(b, "q", pool, kSigned), 2)));
  CHECK(node_names(placed) == Names{"q", "pool", "q.dq", "fc"});
  CHECK(quantization_of(placed, "pool").range == QRange{30, 255});
}

TEST_CASE("quantizing twice alike is quantizing once") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 3);
  const ValueId once = qdq(b, "a", conv, kSigned);
  const ValueId again = qdq(b, "b", once, kSigned);
  const ValueId beside = qdq(b, "c", conv, kSigned);
  const ValueId other = qdq(b, "d", conv, kPositive);
  const ValueId sum = b.node("sum", Add{}, {b.node("s", Add{}, {again, beside}), other});
  const Graph placed = place(b.finish(sum));
  CHECK(node_names(placed) == Names{"conv", "a", "b.dq", "c.dq", "d", "d.dq", "s", "sum"});
}

TEST_CASE("a ReLU between two equal quantizations becomes the range of one, as PyTorch exports it") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId conv = b.convolution("conv", b.input(), 3);
  const ValueId relu = b.relu("relu", qdq(b, "a", conv, kSigned));
  const Graph placed = place(b.finish(b.linear("fc", qdq(b, "b", relu, kSigned), 2)));
  CHECK(node_names(placed) == Names{"conv", "b", "b.dq", "fc"});
  CHECK(quantization_of(placed, "b").range == QRange{30, 255});
  // Who else reads the first one reads more.
  GraphBuilder c(testing::seed(), {4, 4, 3});
  const ValueId first = qdq(c, "a", c.convolution("conv", c.input(), 3), kSigned);
  const ValueId second = qdq(c, "b", c.relu("relu", first), kSigned);
  const Graph two = place(c.finish(c.node("sum", Add{}, {first, second})));
  CHECK(quantization_of(two, "a") == kSigned);
  CHECK(quantization_of(two, "b").range == QRange{30, 255});
}

TEST_CASE("simplify moves Quantize and Dequantize of a pre-quantized network after folded and fused layers") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId x = qdq(b, "x", b.input(), kSigned);
  const ValueId conv = pre_quantized_convolution(b, "conv", x, 4, {-1, 1}, kSigned.scale, window(3, 1, 1));
  const ValueId clip = b.clamp("clip", b.relu("relu", b.batch_norm("bn", conv, true)), {0.0F, 3.0F});
  const Graph graph = b.finish(b.linear("fc", qdq(b, "q", clip, {1.0F, 0, {0, 255}}), 2));
  const Graph simplified = testing::check_simplify(graph);
  CHECK(node_names(simplified) == Names{"x", "x.dq", "conv", "q", "q.dq", "fc"});
  CHECK(quantization_of(simplified, "q").range == QRange{0, 3});
}

}  // namespace narrow::graph
