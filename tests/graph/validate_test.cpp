// The wall for graphs from outside: one broken graph per rule on structure, shapes and numbers.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>

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
using narrow::testing::value_named;
using narrow::testing::window;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Every float operator: input -> conv -> bn -> sum(+conv) -> act -> max -> average -> concat -> pad -> fc.
Graph float_graph() {
  GraphBuilder b(1, {8, 8, 3});
  const ValueId conv = b.convolution("conv", b.input(), 4, window(3, 1, 1));
  const ValueId norm = b.batch_norm("bn", conv);
  const ValueId act = b.relu("act", b.node("sum", Add{}, {norm, conv}));
  const ValueId max = b.node("max", MaxPool{window(2, 2)}, {act});
  const ValueId average = b.node("average", AveragePool{window(2, 2), false}, {act});
  const ValueId concat = b.node("concat", Concat{}, {max, average});
  const ValueId dropout = b.node("dropout", Identity{}, {b.node("pad", PadChannels{1, 1}, {concat})});
  const ValueId gap = b.node("gap", GlobalAveragePool{}, {dropout});
  return b.finish(b.linear("fc", b.node("flatten", Flatten{}, {gap}), 3));
}

// The graph that `breaks` leaves is refused; the error is in `where`, and its message says so and why.
void check_refused(const std::string& where, const std::string& reason, const std::function<void(Graph&)>& breaks,
                   ErrorCode code = ErrorCode::kMalformed) {
  Graph graph = float_graph();
  REQUIRE(validate(graph).ok());
  breaks(graph);
  testing::check_refused(graph, where, reason, code);
}

}  // namespace

TEST_CASE("valid graphs pass") {
  const Status float_status = validate(float_graph());
  CHECK_MESSAGE(float_status.ok(), float_status.error().text());
  const Status quantized_status = validate(testing::quantized_graph());
  CHECK_MESSAGE(quantized_status.ok(), quantized_status.error().text());
}

TEST_CASE("validation refuses empty and oversized graphs") {
  const Status status = validate(Graph{});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message.find("no nodes") != std::string::npos);
  check_refused(
      "graph", "16385 nodes", [](Graph& g) { g.nodes.resize(kMaxNodes + 1); }, ErrorCode::kLimit);
  check_refused(
      "graph", "32769 values", [](Graph& g) { g.values.resize(kMaxValues + 1); }, ErrorCode::kLimit);
}

TEST_CASE("validation refuses a broken input or output") {
  for (const ValueId bad : {-1, 1000, std::numeric_limits<ValueId>::min(), std::numeric_limits<ValueId>::max()}) {
    check_refused("graph", "input is not one of its values", [=](Graph& g) { g.input = bad; });
    check_refused("graph", "output is not one of its values", [=](Graph& g) { g.output = bad; });
  }
  check_refused("graph", "no node computes", [](Graph& g) { g.output = g.input; });
  check_refused("graph", "no node computes the graph's output 'orphan'", [](Graph& g) {
    g.output = g.add_value("orphan", {1, 1, 1});
  });
  check_refused("graph", "'input' is quantized",
                [](Graph& g) { value_named(g, "input").quantization = Quantization{}; });
  check_refused("graph", "'fc' is quantized", [](Graph& g) { value_named(g, "fc").quantization = Quantization{}; });
}

TEST_CASE("validation refuses names that are missing or taken or not printable") {
  check_refused("value 1", "value 1 has no name", [](Graph& g) { g.values[1].name = ""; });
  check_refused("node 2", "node 2 has no name", [](Graph& g) { g.nodes[2].name = ""; });
  check_refused("bn", "two nodes are named 'bn'", [](Graph& g) { node_named(g, "sum").name = "bn"; });
  check_refused("bn", "two values are named 'bn'", [](Graph& g) { value_named(g, "sum").name = "bn"; });
  check_refused(
      "node 0", "longer than 4096", [](Graph& g) { g.nodes[0].name = std::string(5000, 'x'); }, ErrorCode::kLimit);
  for (const char* bad : {"a\nb", "\x1b[2J", "\x7f", "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xc2\x9b", "\x80", "ok\xe2\x82"}) {
    check_refused("node 0", "not printable UTF-8", [=](Graph& g) { g.nodes[0].name = bad; });
  }
  for (const char* good : {"layer1.0.conv1", "\xc3\xa9t\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a b"}) {
    Graph graph = float_graph();
    graph.nodes[0].name = good;
    CHECK(validate(graph).ok());
  }
}

TEST_CASE("validation refuses value shapes out of range") {
  check_refused("input", "below 1", [](Graph& g) { value_named(g, "input").shape.height = 0; });
  check_refused(
      "bn", "above 65536", [](Graph& g) { value_named(g, "bn").shape.width = 1 << 20; }, ErrorCode::kLimit);
  check_refused(
      "bn", "elements",
      [](Graph& g) {
        value_named(g, "bn").shape = {65536, 65536, 1};
      },
      ErrorCode::kLimit);
}

TEST_CASE("validation refuses broken wiring") {
  for (const ValueId bad : {-1, 1000}) {
    check_refused("bn", "is not a value", [=](Graph& g) { node_named(g, "bn").inputs[0] = bad; });
    check_refused("bn", "is not a value", [=](Graph& g) { node_named(g, "bn").output = bad; });
  }
  check_refused("bn", "before it is computed",
                [](Graph& g) { node_named(g, "bn").inputs[0] = node_named(g, "bn").output; });
  check_refused("conv", "reads 'bn' before it is computed",
                [](Graph& g) { node_named(g, "conv").inputs[0] = node_named(g, "bn").output; });
  check_refused("bn", "writes 'conv'", [](Graph& g) { node_named(g, "bn").output = node_named(g, "conv").output; });
  check_refused("conv", "writes 'input'", [](Graph& g) { node_named(g, "conv").output = g.input; });
  check_refused("sum", "needs 2 inputs, has 1", [](Graph& g) { node_named(g, "sum").inputs.pop_back(); });
  check_refused("bn", "needs 1 input, has 0", [](Graph& g) { node_named(g, "bn").inputs.clear(); });
}

TEST_CASE("validation refuses shapes that are not what the operator gives") {
  check_refused("conv", "has shape [8, 8, 4], but the graph says [8, 8, 5]",
                [](Graph& g) { value_named(g, "conv").shape.channels = 5; });
  check_refused("conv", "does not fit",
                [](Graph& g) { std::get<Convolution>(node_named(g, "conv").op).window = window(20); });
  check_refused("fc", "out_features", [](Graph& g) { std::get<Linear>(node_named(g, "fc").op).out_features = -3; });
}

TEST_CASE("validation refuses clamps that are no range or in the wrong place") {
  for (const Clamp& bad : {Clamp{1, 0}, Clamp{kNan, 1}, Clamp{0, kNan}, Clamp{kNan, kNan}, Clamp{kInfinity, kInfinity},
                           Clamp{-kInfinity, -kInfinity}}) {
    check_refused("conv", "is not a range", [=](Graph& g) { node_named(g, "conv").clamp = bad; });
  }
  for (const char* name : {"bn", "max", "average", "concat", "pad", "dropout", "gap", "flatten"}) {
    check_refused(name, "has a clamp", [=](Graph& g) { node_named(g, name).clamp = GraphBuilder::kRelu; });
  }
  for (const char* name : {"conv", "sum", "act", "fc"}) {
    Graph graph = float_graph();
    node_named(graph, name).clamp = Clamp{1, 1};
    CHECK(validate(graph).ok());
  }
}

TEST_CASE("validation refuses weights of the wrong size or not finite") {
  for (const char* name : {"conv", "fc"}) {
    check_refused(name, "weight elements, needs",
                  [=](Graph& g) { filter_of(node_named(g, name))->weights.edit().pop_back(); });
    check_refused(name, "0 weight elements", [=](Graph& g) { filter_of(node_named(g, name))->weights.edit().clear(); });
    check_refused(name, "bias elements, needs",
                  [=](Graph& g) { filter_of(node_named(g, name))->bias.edit().push_back(0); });
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      check_refused(name, "not a finite",
                    [=](Graph& g) { filter_of(node_named(g, name))->weights.edit().back() = bad; });
      check_refused(name, "not a finite", [=](Graph& g) { filter_of(node_named(g, name))->bias.edit().front() = bad; });
    }
  }
}

TEST_CASE("validation refuses filters too large to count") {
  GraphBuilder b(1, {65536, 1, 1});
  const ValueId x = b.node("fc", Linear{65536, {}}, {b.input()});
  const Status status = validate(b.finish(x));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kLimit);
  CHECK(status.error().where == "fc");

  GraphBuilder c(1, {65536, 32767, 1});
  Convolution op;
  op.window.kernel_h = 65536;
  op.window.kernel_w = 32767;
  op.out_channels = 65536;
  const Status too_deep = validate(c.finish(c.node("conv", op, {c.input()})));
  REQUIRE_FALSE(too_deep.ok());
  CHECK(too_deep.error().code == ErrorCode::kLimit);
}

TEST_CASE("validation refuses batch norms that can not be computed") {
  const auto norm = [](Graph& g) -> BatchNorm& { return std::get<BatchNorm>(node_named(g, "bn").op); };
  check_refused("bn", "elements for 4 channels", [&](Graph& g) { norm(g).beta.pop_back(); });
  check_refused("bn", "not a finite", [&](Graph& g) { norm(g).gamma[0] = kNan; });
  check_refused("bn", "not a finite", [&](Graph& g) { norm(g).mean[3] = kInfinity; });
  check_refused("bn", "not a finite", [&](Graph& g) { norm(g).variance[1] = kInfinity; });
  check_refused("bn", "variance of channel 2 is negative", [&](Graph& g) { norm(g).variance[2] = -1e-7F; });
  check_refused("bn", "epsilon", [&](Graph& g) { norm(g).epsilon = -1e-9; });
  check_refused("bn", "epsilon", [&](Graph& g) { norm(g).epsilon = std::numeric_limits<double>::quiet_NaN(); });
  check_refused("bn", "channel 1 is too small", [&](Graph& g) {
    norm(g).epsilon = 0;
    norm(g).variance[1] = 0;
  });
}

TEST_CASE("validation refuses layer norms that can not be computed") {
  const auto status = [](LayerNorm norm) {
    GraphBuilder b(1, {2, 2, 3});
    Graph graph = b.finish(b.node("norm", LayerNorm{{1, 2, 3}, {1, 2, 3}}, {b.input()}));
    REQUIRE(validate(graph).ok());
    std::get<LayerNorm>(graph.nodes[0].op) = std::move(norm);
    return validate(graph).error().text();
  };
  const auto says = [&](LayerNorm norm, const std::string& part) {
    const std::string text = status(std::move(norm));
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  says({{1, 2}, {1, 2, 3}}, "has 2 scales and 3 shifts for 3 channels");
  says({{1, kNan, 3}, {1, 2, 3}}, "not a finite number");
  says({{1, 2, 3}, {1, 2, kInfinity}}, "not a finite number");
  for (const float epsilon : {0.0F, -1e-5F, kInfinity, kNan}) {
    says({{1, 2, 3}, {1, 2, 3}, epsilon}, "epsilon must be finite and above 0");
  }
}
