// Random networks that are pre-quantized here and there: whatever their wiring, placing it and running it in integers
// changes no number, and the quantizer makes everything integer that has an integer implementation.
#include <doctest/doctest.h>

#include <algorithm>

#include "quantize/integer_where_pre_quantized.h"
#include "rewrites/pre_quantized.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::qdq;
using testing::window;

constexpr float kScale = 0.0625F;  // of all pre-quantized values, so that biases of pre-quantized layers are exact

// Operators on [4, 4, 4], each on random earlier values; the sum of the last ones is the output.
Graph random_network(unsigned seed) {
  GraphBuilder b(seed, {4, 4, 4});
  std::vector<ValueId> values{b.input()};
  const auto choose = [&](int count) { return std::uniform_int_distribution<int>(0, count - 1)(b.generator()); };
  const auto any = [&] { return values[static_cast<std::size_t>(choose(static_cast<int>(values.size())))]; };
  const auto quantized = [&](const std::string& name, ValueId x) {
    return qdq(b, name, x, {kScale, 100 + 20 * choose(2), {0, 200 + 55 * choose(2)}});
  };
  for (int i = 0; i < 14; ++i) {
    const std::string name = "n" + std::to_string(i);
    const ValueId x = any();
    switch (choose(12)) {
      case 0:
        values.push_back(b.convolution(name, x, 4, window(3, 1, 1)));
        break;
      case 1:
        values.push_back(
            testing::pre_quantized_convolution(b, name, quantized(name + "q", x), 4, {-1, 1}, kScale, window(3, 1, 1)));
        break;
      case 2:
        values.push_back(b.clamp(name, x, {0.0F, 1.0F + static_cast<float>(choose(3))}));
        break;
      case 3:
        values.push_back(b.node(name, Add{}, {x, any()}, choose(2) == 0 ? GraphBuilder::kRelu : Clamp{}));
        break;
      case 4:
        values.push_back(b.node(name, Subtract{}, {x, any()}));
        break;
      case 5:
        values.push_back(b.node(name, MaxPool{window(3, 1, 1)}, {x}));
        break;
      case 6:
        values.push_back(b.node(name, Slice{{0, 0, 2}, {4, 4, 4}}, {b.node(name + "c", Concat{}, {x, any()})}));
        break;
      case 7:
        values.push_back(b.node(name, Transpose{{1, 0, 2}}, {x}));
        break;
      case 8:
        values.push_back(b.function(name, x, FunctionKind::kSigmoid));
        break;
      case 9:
        values.push_back(b.node(name, Lrn{}, {x}));
        break;
      default:
        values.push_back(quantized(name, x));
        break;
    }
  }
  const ValueId sum = b.node("last", Add{}, {values[values.size() - 1], values[values.size() - 2]});
  return b.finish(b.linear("fc", sum, 3));
}

}  // namespace

TEST_CASE("moving and converting the quantization of a pre-quantized network changes no number, whatever the network") {
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    const Graph graph = random_network(seed);
    Graph placed = graph;
    (void)place_pre_quantized(placed);
    const Status valid = validate(placed);
    REQUIRE_MESSAGE(valid.ok(), valid.error().text());
    CHECK(testing::same_outputs(graph, placed));
    const auto converted = integer_where_pre_quantized(placed);
    REQUIRE_MESSAGE(converted.ok(), converted.error().text());
    CHECK(testing::same_outputs(graph, converted->graph));
  }
}

TEST_CASE("whatever the network, only operators without integer implementation stay float") {
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    for (const bool simplified : {false, true}) {
      Graph graph = random_network(seed);
      if (simplified) REQUIRE(simplify(graph).ok());
      const auto quantized = quantize_graph(graph, testing::observe(graph), {});
      REQUIRE_MESSAGE(quantized.ok(), quantized.error().text());
      for (const std::string& name : testing::float_nodes(quantized->graph)) {
        const Op& op = testing::node_named(quantized->graph, name).op;
        const bool allowed = std::holds_alternative<Lrn>(op) || is_lossless(op);
        CHECK_MESSAGE(allowed, name);
      }
    }
  }
}

}  // namespace narrow::graph
