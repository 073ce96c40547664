// Functions that exporters take apart become one node again.
#include "rewrites/fuse_functions.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/check_same_function.h"

namespace narrow::graph {
namespace {

using testing::check_simplify;
using testing::count;
using testing::GraphBuilder;
using testing::node_named;

constexpr TensorShape kInput{4, 5, 3};
constexpr float kSixth = 1.0F / 6;

// scale * clamp(x + 3, 0, 6) as three nodes.
ValueId hard_gate(GraphBuilder& b, ValueId x, float shift = 3.0F, Clamp clamp = GraphBuilder::kRelu6,
                  float scale = kSixth) {
  return b.affine("scaled", b.clamp("relu6", b.affine("shifted", x, 1.0F, shift), clamp), scale, 0.0F);
}

Function only_function(const Graph& graph) {
  REQUIRE(count<Function>(graph) == 1);
  for (const Node& node : graph.nodes) {
    if (const auto* function = std::get_if<Function>(&node.op)) return *function;
  }
  return {};
}

}  // namespace

TEST_CASE("a number times its sigmoid is a Silu in either order") {
  for (const bool swapped : {false, true}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 4);
    const ValueId gate = b.function("sigmoid", x, FunctionKind::kSigmoid);
    std::string log;
    const Graph graph =
        check_simplify(b.finish(b.node("y", Multiply{}, swapped ? std::vector{gate, x} : std::vector{x, gate})), &log);
    CHECK(graph.nodes.size() == 2);
    CHECK(only_function(graph).kind == FunctionKind::kSilu);
    CHECK(log.find("made multiplication 'y' and what it reads a Silu") != std::string::npos);
  }
}

TEST_CASE("a number times its HardSigmoid is a HardSwish with the same numbers") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId gate = b.function("gate", b.input(), FunctionKind::kHardSigmoid, 0.25F, 0.375F);
  const Graph graph = check_simplify(b.finish(b.node("y", Multiply{}, {b.input(), gate})));
  CHECK(graph.nodes.size() == 1);
  CHECK(only_function(graph).kind == FunctionKind::kHardSwish);
  CHECK(only_function(graph).alpha == 0.25F);
  CHECK(only_function(graph).beta == 0.375F);
}

TEST_CASE("a product that is not of a number and its own gate stays") {
  for (const int variant : {0, 1, 2, 3}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 3);
    const ValueId gate =
        b.function("gate", variant == 0 ? b.input() : x, variant == 1 ? FunctionKind::kTanh : FunctionKind::kSigmoid);
    const Clamp clamp = variant == 2 ? GraphBuilder::kRelu : Clamp{};
    const ValueId other = variant == 3 ? gate : x;
    const Graph graph = check_simplify(b.finish(b.node("y", Multiply{}, {other, gate}, clamp)));
    CHECK(count<Multiply>(graph) == 1);
  }
}

TEST_CASE("a gate that others read too is kept for them") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId gate = b.function("gate", b.input(), FunctionKind::kSigmoid);
  const ValueId silu = b.node("silu", Multiply{}, {b.input(), gate});
  const Graph graph = check_simplify(b.finish(b.node("sum", Add{}, {silu, gate})));
  CHECK(count<Multiply>(graph) == 0);
  CHECK(count<Function>(graph) == 2);
}

TEST_CASE("a shifted and clamped and scaled number is a HardSigmoid") {
  GraphBuilder b(testing::seed(), kInput);
  const Graph graph = check_simplify(b.finish(hard_gate(b, b.input())));
  CHECK(graph.nodes.size() == 1);
  const Function function = only_function(graph);
  CHECK(function.kind == FunctionKind::kHardSigmoid);
  CHECK(function.alpha == kSixth);
  CHECK(function.beta == 0.5F);
}

TEST_CASE("both ways of exporting a HardSwish give one") {
  for (const int variant : {0, 1, 2, 3}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 4);
    const auto product = [&](ValueId gate) {
      return b.node("y", Multiply{}, variant % 2 == 0 ? std::vector{x, gate} : std::vector{gate, x});
    };
    ValueId y = kNoValue;
    if (variant < 2) {
      y = product(hard_gate(b, x));
    } else {
      const ValueId gate = b.clamp("relu6", b.affine("shifted", x, 1.0F, 3.0F), GraphBuilder::kRelu6);
      y = b.affine("sixth", product(gate), kSixth, 0.0F);
    }
    const Graph graph = check_simplify(b.finish(y));
    CHECK(graph.nodes.size() == 2);
    CHECK(only_function(graph).kind == FunctionKind::kHardSwish);
    CHECK(only_function(graph).alpha == kSixth);
    CHECK(only_function(graph).beta == 0.5F);
  }
}

TEST_CASE("ramps that do not go from zero to one are no functions") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct Case {
    Clamp clamp;
    float scale;
  };
  for (const Case& c : {Case{{0, 6}, 0.2F}, Case{{1, 6}, kSixth}, Case{{0, kInfinity}, kSixth},
                        Case{{-kInfinity, 6}, kSixth}, Case{{0, 6}, -kSixth}, Case{{0, 6}, 0.0F}}) {
    for (const bool times_x : {false, true}) {
      GraphBuilder b(testing::seed(), kInput);
      ValueId y = hard_gate(b, b.input(), 3.0F, c.clamp, c.scale);
      if (times_x) y = b.node("y", Multiply{}, {b.input(), y});
      CHECK(count<Function>(check_simplify(b.finish(y))) == 0);
    }
  }
}

TEST_CASE("ramps of several channels or with other readers are no functions") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId ramp = b.clamp("relu6", b.batch_norm("bn", b.input()), GraphBuilder::kRelu6);
  CHECK(count<Function>(check_simplify(b.finish(b.affine("sixth", ramp, kSixth, 0.0F)))) == 0);

  GraphBuilder r(testing::seed(), kInput);
  const ValueId shared = r.clamp("relu6", r.affine("shifted", r.input(), 1.0F, 3.0F), GraphBuilder::kRelu6);
  const ValueId scaled = r.affine("scaled", shared, kSixth, 0.0F);
  CHECK(count<Function>(check_simplify(r.finish(r.node("sum", Add{}, {scaled, shared})))) == 0);
}

TEST_CASE("slopes that say less become plainer functions") {
  GraphBuilder b(testing::seed(), kInput);
  ValueId x = b.node("equal", Function{FunctionKind::kPRelu, 0, 0, {0.25F, 0.25F, 0.25F}, {}}, {b.input()});
  x = b.node("zero", Function{FunctionKind::kPRelu, 0, 0, {0, 0, 0}, {}}, {b.function("tanh", x, FunctionKind::kTanh)});
  x = b.function("leaky", b.affine("down", x, 1.0F, -0.25F), FunctionKind::kLeakyRelu, 0.0F);
  x = b.function("elu", b.convolution("c", x, 3), FunctionKind::kElu, 0.0F);
  x = b.node("different", Function{FunctionKind::kPRelu, 0, 0, {0.25F, 0.25F, 0.5F}, {}}, {x});
  const Graph original = b.finish(x);
  Graph graph = original;
  const auto log = fuse_functions(graph);
  REQUIRE(log.ok());
  CHECK(log->size() == 5);
  REQUIRE(validate(graph).ok());
  const auto* equal = std::get_if<Function>(&node_named(graph, "equal").op);
  REQUIRE(equal != nullptr);
  CHECK(equal->kind == FunctionKind::kLeakyRelu);
  CHECK(equal->alpha == 0.25F);
  for (const char* name : {"zero", "leaky", "elu"}) {
    CHECK(std::holds_alternative<Activation>(node_named(graph, name).op));
    CHECK(node_named(graph, name).clamp == GraphBuilder::kRelu);
  }
  CHECK(std::get<Function>(node_named(graph, "different").op).kind == FunctionKind::kPRelu);
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("a quantization between a number and its gate keeps them apart") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.node("d", Dequantize{}, {b.quantize("q", b.input(), {0.0625F, 100, {0, 255}})});
  const ValueId gate = b.function("gate", x, FunctionKind::kSigmoid);
  const ValueId stated = b.node("gate.d", Dequantize{}, {b.quantize("gate.q", gate, {0.0625F, 0, {0, 16}})});
  Graph graph = b.finish(b.node("y", Multiply{}, {x, stated}));
  CHECK(fuse_functions(graph)->empty());
}

}  // namespace narrow::graph
