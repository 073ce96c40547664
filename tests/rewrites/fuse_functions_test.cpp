// Functions that exporters take apart become one node again.
#include "rewrites/fuse_functions.h"

#include <doctest/doctest.h>

#include <cmath>
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

TEST_CASE("the logarithm of one and an exponential is a Softplus") {
  for (const float shift : {1.0F, 2.0F}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 4);
    const ValueId sum = b.affine("plus_1", b.function("exp", x, FunctionKind::kExp), 1.0F, shift);
    const Graph graph = check_simplify(b.finish(b.function("log", sum, FunctionKind::kLog)));
    CHECK((count<Function>(graph) == 1) == (shift == 1.0F));
    if (shift == 1.0F) CHECK(only_function(graph).kind == FunctionKind::kSoftplus);
  }
}

TEST_CASE("a number times the tanh of its softplus is a Mish in either order") {
  for (const int variant : {0, 1, 2, 3}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 4);
    const FunctionKind inner = variant == 3 ? FunctionKind::kSigmoid : FunctionKind::kSoftplus;
    const ValueId argument = b.function("softplus", variant == 2 ? b.input() : x, inner);
    const ValueId tanh = b.function("tanh", argument, FunctionKind::kTanh);
    const ValueId other = variant == 2 ? b.convolution("other", b.input(), 3) : x;
    const Graph graph = check_simplify(
        b.finish(b.node("y", Multiply{}, variant == 1 ? std::vector{tanh, other} : std::vector{other, tanh})));
    CHECK((count<Multiply>(graph) == 0) == (variant < 2));
    if (variant < 2) CHECK(only_function(graph).kind == FunctionKind::kMish);
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

// y = x * (1 + erf(x / sqrt(2))) / 2 as exporters write it: the constants 1 and 1/2, and where the half is multiplied.
ValueId erf_gelu(GraphBuilder& b, ValueId x, int variant, float one = 1.0F, float argument = std::sqrt(0.5F)) {
  const ValueId erf = b.function("erf", b.affine("over_root_2", x, argument, 0.0F), FunctionKind::kErf);
  const auto product = [&](ValueId left, ValueId right) {
    return b.node("product", Multiply{}, variant % 2 == 0 ? std::vector{left, right} : std::vector{right, left});
  };
  switch (variant / 2) {
    case 0: {  // PyTorch: (x * (1 + erf)) * 0.5
      const ValueId sum = product(x, b.affine("plus_1", erf, 1.0F, one));
      return b.affine("half", sum, 0.5F, 0.0F);
    }
    case 1:  // (x * 0.5) * (1 + erf)
      return product(b.affine("half", x, 0.5F, 0.0F), b.affine("plus_1", erf, 1.0F, one));
    case 2:  // x * (0.5 * (1 + erf))
      return product(x, b.affine("half", b.affine("plus_1", erf, 1.0F, one), 0.5F, 0.0F));
    default:  // x * (0.5 + 0.5 * erf)
      return product(x, b.affine("half_plus_half", erf, 0.5F, 0.5F * one));
  }
}

TEST_CASE("the ways of exporting a Gelu give one") {
  for (int variant = 0; variant < 8; ++variant) {
    CAPTURE(variant);
    GraphBuilder b(testing::seed(), kInput);
    const ValueId x = b.convolution("c", b.input(), 4);
    const Graph graph = check_simplify(b.finish(erf_gelu(b, x, variant)));
    CHECK(graph.nodes.size() == 2);
    CHECK(only_function(graph).kind == FunctionKind::kGelu);
  }
}

TEST_CASE("a Gelu of a batch norm whose other readers keep it is a Gelu of the batch norm") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.affine("scaled", b.input(), 2.0F, 0.25F);
  const Graph graph = check_simplify(b.finish(b.node("sum", Add{}, {erf_gelu(b, x, 0), x})));
  CHECK(count<Multiply>(graph) == 0);
  CHECK(count<Function>(graph) == 1);
}

TEST_CASE("products that are no Gelu keep their parts") {
  for (int variant = 0; variant < 8; ++variant) {
    CAPTURE(variant);
    GraphBuilder other_sum(testing::seed(), kInput);
    const ValueId x = other_sum.convolution("c", other_sum.input(), 4);
    CHECK(count<Multiply>(check_simplify(other_sum.finish(erf_gelu(other_sum, x, variant, 0.75F)))) == 1);
    GraphBuilder other_argument(testing::seed(), kInput);
    const ValueId y = other_argument.convolution("c", other_argument.input(), 4);
    CHECK(count<Multiply>(check_simplify(other_argument.finish(erf_gelu(other_argument, y, variant, 1.0F, 0.7F)))) ==
          1);
  }
  // The gate of another tensor.
  GraphBuilder b(testing::seed(), kInput);
  const ValueId erf =
      b.function("erf", b.affine("a", b.convolution("c", b.input(), 3), 0.70710678F, 0), FunctionKind::kErf);
  const ValueId product = b.node("product", Multiply{}, {b.input(), b.affine("plus_1", erf, 1, 1)});
  CHECK(count<Multiply>(check_simplify(b.finish(b.affine("half", product, 0.5F, 0)))) == 1);
}

TEST_CASE("PyTorch's approximation of a Gelu with tanh is a GeluTanh") {
  for (const float cubic : {0.044715F, 0.05F}) {
    for (const int variant : {0, 1, 2, 3}) {
      GraphBuilder b(testing::seed(), kInput);
      const ValueId x = b.convolution("c", b.input(), 4);
      const auto either = [&](const std::string& name, const Op& op, ValueId left, ValueId right) {
        return b.node(name, op, variant == 0 ? std::vector{left, right} : std::vector{right, left});
      };
      // Exporters write x^3 as products, or as a power.
      const ValueId cube = variant == 2 ? b.function("cube", x, FunctionKind::kPower, 3)
                           : variant == 3
                               ? b.node("cube", Multiply{}, {x, b.function("square", x, FunctionKind::kPower, 2)})
                               : either("cube", Multiply{}, x, b.node("square", Multiply{}, {x, x}));
      const ValueId inner = either("inner", Add{}, x, b.affine("kappa", cube, cubic, 0.0F));
      const ValueId tanh = b.function("tanh", b.affine("beta", inner, 0.79788456F, 0.0F), FunctionKind::kTanh);
      const ValueId product = either("product", Multiply{}, x, b.affine("plus_1", tanh, 1.0F, 1.0F));
      const Graph graph = check_simplify(b.finish(b.affine("half", product, 0.5F, 0.0F)));
      CHECK((count<Multiply>(graph) == 0) == (cubic == 0.044715F));
      if (cubic == 0.044715F) CHECK(only_function(graph).kind == FunctionKind::kGeluTanh);
    }
  }
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
  const ValueId pre_quantized = b.node("gate.d", Dequantize{}, {b.quantize("gate.q", gate, {0.0625F, 0, {0, 16}})});
  Graph graph = b.finish(b.node("y", Multiply{}, {x, pre_quantized}));
  CHECK(fuse_functions(graph)->empty());
}

}  // namespace narrow::graph
