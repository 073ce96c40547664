// Pad nodes become padding of the windows after them.
#include "rewrites/fold_pads.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/check_same_function.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::check_simplify;
using testing::count;
using testing::GraphBuilder;
using testing::node_named;
using testing::window;

constexpr TensorShape kInput{6, 5, 4};
constexpr Padding kUneven{1, 2, 0, 1};

// Simplifies what `build` makes of the padded input of a graph; whether its Pad is gone.
bool folds(const std::function<ValueId(GraphBuilder&, ValueId)>& build, const Padding& pad = kUneven,
           bool relu = false) {
  GraphBuilder b(testing::seed(), kInput);
  ValueId x = b.convolution("before", b.input(), 4, {}, 1, relu ? GraphBuilder::kRelu : Clamp{});
  x = b.node("pad", Pad{pad}, {x});
  return count<Pad>(check_simplify(b.finish(build(b, x)))) == 0;
}

}  // namespace

TEST_CASE("padding moves into a convolution and adds to its own") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.node("pad", Pad{kUneven}, {b.input()});
  std::string log;
  const Graph graph = check_simplify(b.finish(b.convolution("c", x, 4, window(3, 2, 1), 2)), &log);
  CHECK(graph.nodes.size() == 1);
  CHECK(std::get<Convolution>(graph.nodes[0].op).window.pad == Padding{2, 3, 1, 2});
  CHECK(log ==
        "folded padding 'pad' into convolution 'c'\n"
        "removed padding 'pad', which the output does not depend on\n");
}

TEST_CASE("padding of more than a window can hold stays before a convolution") {
  // 40000 + 40000 is more padding than a window may have.
  GraphBuilder b(testing::seed(), {1, 1, 1});
  Window wide = window(1, 50000);
  wide.pad = Padding{40000, 0, 0, 0};
  const ValueId x = b.node("pad", Pad{{40000, 0, 0, 0}}, {b.input()});
  Graph graph = b.finish(b.convolution("c", x, 1, wide));
  REQUIRE(validate(graph).ok());
  CHECK(fold_pads(graph).empty());
  CHECK(std::get<Convolution>(node_named(graph, "c").op).window.pad == wide.pad);
}

TEST_CASE("padding that several layers read moves into each and stays for others") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.node("pad", Pad{{1, 1, 1, 1}}, {b.input()});
  const ValueId left = b.convolution("left", x, 4, window(3));
  const ValueId right = b.convolution("right", x, 4, window(3));
  const ValueId third = b.node("third", MaxPool{window(3)}, {x});
  const ValueId sum = b.node("sum", Add{}, {b.node("both", Add{}, {left, right}), third});
  const Graph graph = check_simplify(b.finish(sum));
  CHECK(count<Pad>(graph) == 1);
  CHECK(std::get<Convolution>(node_named(graph, "left").op).window.pad == Padding{1, 1, 1, 1});
  CHECK(std::get<Convolution>(node_named(graph, "right").op).window.pad == Padding{1, 1, 1, 1});
}

TEST_CASE("padding moves into average pools that count it and not into others") {
  const auto pool = [](AveragePool op) { return [op](GraphBuilder& b, ValueId x) { return b.node("pool", op, {x}); }; };
  for (const bool count_include_pad : {false, true}) {
    CHECK(folds(pool({window(3, 2), count_include_pad})));
    CHECK(folds(pool({window(3, 1, 1), count_include_pad}), {1, 0, 0, 1}) == count_include_pad);
    // A window in the padding alone is none.
    CHECK_FALSE(folds(pool({window(2, 1), count_include_pad})));
    CHECK_FALSE(folds(pool({window(3, 1), count_include_pad}), {0, 3, 0, 0}));
  }
}

TEST_CASE("padding moves into a max pool only where no number is below zero") {
  using Build = std::function<ValueId(GraphBuilder&, ValueId)>;
  const Build pool = [](GraphBuilder& b, ValueId x) { return b.node("pool", MaxPool{window(3, 2)}, {x}); };
  CHECK(folds(pool, kUneven, true));
  CHECK_FALSE(folds(pool, kUneven, false));
  CHECK_FALSE(folds(pool, {3, 0, 0, 0}, true));
  // Signs that are known from further away, and signs that are not.
  struct Case {
    Build make;
    bool nonnegative;
  };
  const auto relu = [](GraphBuilder& b) { return b.convolution("r", b.input(), 4, {}, 1, GraphBuilder::kRelu); };
  const auto any = [](GraphBuilder& b) { return b.convolution("a", b.input(), 4); };
  const std::vector<Case> cases = {
      {[&](GraphBuilder& b, ValueId) { return b.function("f", any(b), FunctionKind::kSigmoid); }, true},
      {[&](GraphBuilder& b, ValueId) { return b.function("f", any(b), FunctionKind::kSilu); }, false},
      {[&](GraphBuilder& b, ValueId) { return b.node("s", Softmax{}, {any(b)}); }, true},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("c", Concat{}, {relu(b), relu(b)});
       },
       true},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("c", Concat{}, {relu(b), any(b)});
       },
       false},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("m", Multiply{}, {relu(b), relu(b)});
       },
       true},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("d", Subtract{}, {relu(b), relu(b)});
       },
       false},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("a", Add{}, {relu(b), relu(b)}, {-2.0F, -1.0F});
       },
       false},
      {[&](GraphBuilder& b, ValueId) {
         return b.node("t", Transpose{{1, 0, 2}}, {relu(b)});
       },
       true},
      {[&](GraphBuilder& b, ValueId) { return b.input(); }, false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    GraphBuilder b(testing::seed(), kInput);
    const ValueId padded = b.node("pad", Pad{kUneven}, {cases[i].make(b, b.input())});
    CHECK((count<Pad>(check_simplify(b.finish(pool(b, padded)))) == 0) == cases[i].nonnegative);
  }
}

TEST_CASE("padding folds through a dequantize without another reader") {
  for (const bool shared : {false, true}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId q = b.quantize("q", b.input(), {0.0625F, 100, {0, 255}});
    const ValueId d = b.node("d", Dequantize{}, {b.lossless("pad", Pad{{1, 1, 1, 1}}, q)});
    ValueId y = testing::pre_quantized_convolution(b, "c", d, 4, {-3, 3}, 0.0625F, window(3));
    if (shared)
      y = b.node("sum", Add{}, {y, testing::pre_quantized_convolution(b, "c2", d, 4, {-3, 3}, 0.0625F, window(3))});
    const Graph original = b.finish(y);
    Graph graph = original;
    CHECK(fold_pads(graph).size() == (shared ? 0 : 1));
    REQUIRE(validate(graph).ok());
    remove_dead(graph);
    CHECK(count<Pad>(graph) == (shared ? 1 : 0));
    CHECK(testing::same_outputs(original, graph));
  }
}

TEST_CASE("padding folds into a max pool of integers whose range starts at zero") {
  for (const std::int32_t lowest : {100, 99}) {
    GraphBuilder b(testing::seed(), kInput);
    const ValueId q = b.quantize("q", b.input(), {0.0625F, 100, {lowest, 255}});
    const ValueId pool = b.lossless("pool", MaxPool{window(2)}, b.lossless("pad", Pad{{1, 1, 1, 1}}, q));
    const Graph original = b.finish(b.node("d", Dequantize{}, {pool}));
    Graph graph = original;
    CHECK(fold_pads(graph).size() == (lowest == 100 ? 1 : 0));
    CHECK(testing::same_outputs(original, graph));
  }
}

}  // namespace narrow::graph
