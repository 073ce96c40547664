// One form for what means the same: pools, operators that move elements, and transpositions before linear layers.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "rewrites/canonicalise_average_pools.h"
#include "rewrites/fold_transposes.h"
#include "rewrites/merge_data_movement.h"
#include "rewrites/remove_identities.h"
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

constexpr TensorShape kInput{4, 6, 8};

Window whole_image() {
  Window w;
  w.kernel_h = 4;
  w.kernel_w = 6;
  w.stride_h = 3;
  return w;
}

}  // namespace

TEST_CASE("an average pool over the whole image is global") {
  for (const bool count_include_pad : {false, true}) {
    GraphBuilder b(testing::seed(), kInput);
    const Graph original = b.finish(b.node("pool", AveragePool{whole_image(), count_include_pad}, {b.input()}));
    Graph graph = original;
    CHECK(canonicalise_average_pools(graph).back().text == "made average pooling 'pool' global");
    CHECK(count<GlobalAveragePool>(graph) == 1);
    CHECK(testing::largest_difference(original, graph) == 0);
  }
}

TEST_CASE("average pools that are padded or smaller than the image stay") {
  Window padded = whole_image();
  padded.pad.top = 1;
  Window smaller = whole_image();
  smaller.kernel_w = 5;
  for (const Window& w : {padded, smaller, window(2)}) {
    GraphBuilder b(testing::seed(), kInput);
    Graph graph = b.finish(b.node("pool", AveragePool{w, false}, {b.input()}));
    CHECK(canonicalise_average_pools(graph).empty());
    CHECK(count<AveragePool>(graph) == 1);
  }
}

TEST_CASE("an average pool without padding does not count it") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId x = b.node("none", AveragePool{window(2), true}, {b.input()});
  Graph graph = b.finish(b.node("some", AveragePool{window(2, 1, 1), true}, {x}));
  CHECK(canonicalise_average_pools(graph).size() == 1);
  CHECK_FALSE(std::get<AveragePool>(node_named(graph, "none").op).count_include_pad);
  CHECK(std::get<AveragePool>(node_named(graph, "some").op).count_include_pad);
}

TEST_CASE("two operators that move elements become one") {
  GraphBuilder b(testing::seed(), kInput);
  ValueId x = b.node("s1", Slice{{0, 1, 2}, {4, 4, 6}}, {b.input()});
  x = b.node("s2", Slice{{1, 1, 1}, {3, 2, 4}}, {x});
  x = b.node("p1", Pad{{1, 2, 3, 4}}, {x});
  x = b.node("p2", Pad{{4, 3, 2, 1}}, {x});
  x = b.node("t1", Transpose{{2, 0, 1}}, {x});
  x = b.node("t2", Transpose{{2, 1, 0}}, {x});
  x = b.node("r1", Reshape{{1, 2, 312}}, {x});
  x = b.node("r2", Reshape{{2, 312, 1}}, {x});
  const Graph original = b.finish(b.node("f", Flatten{}, {x}));
  REQUIRE(validate(original).ok());
  std::string log;
  const Graph graph = check_simplify(original, &log);
  REQUIRE(graph.nodes.size() == 4);
  const Slice slice = std::get<Slice>(graph.nodes[0].op);
  CHECK(slice.begin == TensorShape{1, 2, 3});
  CHECK(slice.size == TensorShape{3, 2, 4});
  CHECK(std::get<Pad>(graph.nodes[1].op).pad == Padding{5, 5, 5, 5});
  CHECK(std::get<Transpose>(graph.nodes[2].op).order == std::array<int, 3>{1, 0, 2});
  CHECK(std::holds_alternative<Flatten>(graph.nodes[3].op));
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("two gathers along one dimension become one and inverse ones vanish") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId c = b.convolution("c", b.input(), 4);
  ValueId x = b.node("g2", Gather{2, {1, 1, 2}}, {b.node("g1", Gather{2, {3, 0, 2, 1}}, {c})});
  x = b.node("g3", Gather{1, {1, 0}}, {x});
  const Graph original = b.finish(b.node("f", Flatten{}, {x}));
  const Graph graph = check_simplify(original);
  REQUIRE(graph.nodes.size() == 4);
  CHECK(std::get<Gather>(graph.nodes[1].op).indices == std::vector<std::int32_t>{0, 0, 2});
  CHECK(std::get<Gather>(graph.nodes[2].op).dimension == 1);
  CHECK(testing::largest_difference(original, graph) == 0);

  GraphBuilder inverse(testing::seed(), kInput);
  const ValueId y = inverse.node("g1", Gather{2, {3, 0, 2, 1}}, {inverse.convolution("c", inverse.input(), 4)});
  CHECK(count<Gather>(check_simplify(inverse.finish(inverse.node("g2", Gather{2, {1, 3, 2, 0}}, {y})))) == 0);
}

TEST_CASE("transpositions of all orders merge into their product and inverses vanish") {
  std::array<int, 3> first{0, 1, 2};
  do {
    std::array<int, 3> second{0, 1, 2};
    do {
      GraphBuilder b(testing::seed(), {2, 3, 4});
      const ValueId c = b.convolution("c", b.input(), 4);
      const ValueId x = b.node("t2", Transpose{second}, {b.node("t1", Transpose{first}, {c})});
      const Graph graph = check_simplify(b.finish(x));
      std::array<int, 3> both{};
      for (std::size_t i = 0; i < 3; ++i) both[i] = first[static_cast<std::size_t>(second[i])];
      CHECK(count<Transpose>(graph) == (both == std::array<int, 3>{0, 1, 2} ? 0 : 1));
    } while (std::next_permutation(second.begin(), second.end()));
  } while (std::next_permutation(first.begin(), first.end()));
}

TEST_CASE("a transposition that moves no byte is a reshape") {
  struct Case {
    TensorShape in;
    std::array<int, 3> order;
    bool moves;
  };
  for (const Case& c :
       {Case{{1, 1, 8}, {2, 0, 1}, false}, Case{{1, 1, 8}, {0, 2, 1}, false}, Case{{4, 1, 8}, {1, 0, 2}, false},
        Case{{4, 1, 8}, {2, 0, 1}, true}, Case{{1, 6, 8}, {0, 2, 1}, true}, Case{{4, 6, 1}, {2, 0, 1}, false}}) {
    GraphBuilder b(testing::seed(), c.in);
    const Graph original = b.finish(b.node("t", Transpose{c.order}, {b.input()}));
    Graph graph = original;
    CHECK(merge_data_movement(graph).size() == (c.moves ? 0 : 1));
    CHECK(count<Transpose>(graph) == (c.moves ? 1 : 0));
    CHECK(validate(graph).ok());
    CHECK(testing::largest_difference(original, graph) == 0);
  }
}

TEST_CASE("movement whose input has other readers leaves it to them") {
  GraphBuilder b(testing::seed(), kInput);
  const ValueId t = b.node("t1", Transpose{{1, 0, 2}}, {b.input()});
  const ValueId back = b.node("t2", Transpose{{1, 0, 2}}, {t});
  const ValueId left = b.node("left", GlobalAveragePool{}, {t});
  const ValueId right = b.convolution("right", back, 8, window(3));
  const Graph graph = check_simplify(b.finish(b.node("sum", Add{}, {left, right})));
  CHECK(count<Transpose>(graph) == 1);
  CHECK(node_named(graph, "right").inputs[0] == graph.input);
}

TEST_CASE("movement that moves nothing is removed also between integers") {
  GraphBuilder b(testing::seed(), kInput);
  std::vector<std::int32_t> rows(static_cast<std::size_t>(kInput.height));
  std::iota(rows.begin(), rows.end(), 0);
  ValueId x = b.quantize("q", b.input(), {0.0625F, 100, {0, 255}});
  x = b.lossless("pad", Pad{}, x);
  x = b.lossless("slice", Slice{{0, 0, 0}, kInput}, x);
  x = b.lossless("gather", Gather{0, rows}, x);
  x = b.lossless("reshape", Reshape{kInput}, x);
  x = b.lossless("transpose", Transpose{}, x);
  const ValueId requantized = b.lossless("requantize", Activation{}, x);
  Graph graph = b.finish(b.node("d", Dequantize{}, {requantized}));
  graph.value(requantized).quantization = Quantization{0.125F, 50, {0, 255}};
  const Graph original = graph;
  CHECK(remove_identities(graph).size() == 5);
  REQUIRE(graph.nodes.size() == 3);
  CHECK(graph.nodes[1].name == "requantize");
  CHECK(testing::same_outputs(original, graph));
}

TEST_CASE("a pooled vector needs no reshape") {
  GraphBuilder b(testing::seed(), kInput);
  ValueId x = b.node("pool", AveragePool{whole_image(), true}, {b.input()});
  x = b.node("there", Reshape{{8, 1, 1}}, {x});
  x = b.node("back", Reshape{{1, 1, 8}}, {x});
  x = b.node("flat", Flatten{}, {x});
  const Graph graph = check_simplify(b.finish(b.linear("fc", x, 3)));
  CHECK(graph.nodes.size() == 2);
}

TEST_CASE("a transposition moves into the weights of the linear layer that reads it") {
  std::array<int, 3> order{0, 1, 2};
  while (std::next_permutation(order.begin(), order.end())) {
    GraphBuilder b(testing::seed(), {3, 4, 5});
    ValueId x = b.node("t", Transpose{order}, {b.input()});
    x = b.clamp("clamp", x, {-1.0F, 1.0F});
    x = b.node("r", Reshape{{4, 15, 1}}, {x});
    x = b.function("sigmoid", x, FunctionKind::kSigmoid);
    const Graph original = b.finish(b.linear("fc", b.node("f", Flatten{}, {x}), 7));
    std::string log;
    const Graph graph = check_simplify(original, &log);
    CHECK(count<Transpose>(graph) == 0);
    CHECK(log.find("folded transposition 't' into linear layer 'fc'") != std::string::npos);
  }
}

TEST_CASE("a transposition stays before a linear layer that is not its only reader or differs between channels") {
  for (const int variant : {0, 1, 2}) {
    GraphBuilder b(testing::seed(), {3, 4, 5});
    const ValueId t = b.node("t", Transpose{{2, 0, 1}}, {b.input()});
    ValueId x = variant == 0 ? b.function("prelu", t, FunctionKind::kPRelu) : t;
    if (variant == 1) x = b.convolution("c", t, 4);
    x = b.linear("fc", b.node("flat", Flatten{}, {x}), 4);
    if (variant == 2) x = b.node("both", Add{}, {x, b.linear("fc2", t, 4)});
    Graph graph = b.finish(x);
    CHECK(fold_transposes(graph).empty());
    CHECK(count<Transpose>(graph) == 1);
  }
}

TEST_CASE("weight integers of a linear layer move with its weights") {
  GraphBuilder b(testing::seed(), {3, 4, 5});
  ValueId x = b.quantize("q", b.input(), {0.0625F, 100, {0, 255}});
  x = b.lossless("flat", Flatten{}, b.lossless("t", Transpose{{2, 0, 1}}, x));
  x = b.linear("fc", b.node("d", Dequantize{}, {x}), 2);
  Graph original = b.finish(x);
  Filter& filter = *filter_of(original.nodes.back());
  PreQuantizedWeights pre_quantized{{}, {0.25F, 0.5F}};
  for (std::size_t i = 0; i < filter.weights.size(); ++i) {
    pre_quantized.integers.edit().push_back(static_cast<std::int8_t>(i));
    filter.weights.edit()[i] = static_cast<float>(pre_quantized.integers[i]) * pre_quantized.scales[i / 60];
  }
  filter.pre_quantized = pre_quantized;
  REQUIRE(validate(original).ok());
  Graph graph = original;
  CHECK(fold_transposes(graph).size() == 1);
  REQUIRE(validate(graph).ok());
  CHECK(testing::same_outputs(original, graph));
  const Filter& folded = *filter_of(graph.nodes.back());
  for (std::size_t i = 0; i < folded.weights.size(); ++i) {
    CHECK(folded.weights[i] ==
          static_cast<float>(folded.pre_quantized->integers[i]) * folded.pre_quantized->scales[i / 60]);
  }
}

}  // namespace narrow::graph
