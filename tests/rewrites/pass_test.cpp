// Identity removal, dead code, simplify as a whole, and random networks.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "rewrites/remove_identities.h"
#include "rewrites/simplify.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/graph/random_network.h"
#include "tests/support/quantize/check_same_function.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::check_simplify;
using narrow::testing::count;
using narrow::testing::GraphBuilder;
using narrow::testing::RandomNetwork;
using narrow::testing::window;

TEST_CASE("random networks keep their function and lose batch norms and identities") {
  int folded = 0;
  int lowered = 0;
  int padded = 0;
  int fused = 0;
  int merged = 0;
  for (unsigned i = 0; i < 400; ++i) {
    CAPTURE(i);
    const Graph original = RandomNetwork(testing::seed() + i).build();
    std::string log;
    const Graph simplified = check_simplify(original, &log);
    CHECK(count<Identity>(simplified) == 0);
    if (log.find("folded") != std::string::npos) ++folded;
    if (log.find("depthwise") != std::string::npos) ++lowered;
    if (log.find("folded padding") != std::string::npos) ++padded;
    if (log.find("what it reads a ") != std::string::npos) ++fused;
    if (log.find("merged ") != std::string::npos) ++merged;
  }
  // All of this must have happened, or this test shows nothing.
  CHECK(folded > 50);
  CHECK(lowered > 50);
  CHECK(padded > 30);
  CHECK(fused > 30);
  CHECK(merged > 20);
}

TEST_CASE("simplify is deterministic and a second run changes nothing") {
  for (unsigned i = 0; i < 20; ++i) {
    Graph first = RandomNetwork(testing::seed() + i).build();
    Graph second = first;
    const auto log = simplify(first);
    REQUIRE(log.ok());
    const auto same_log = simplify(second);
    REQUIRE(same_log.ok());
    CHECK(*log == *same_log);
    const auto again = simplify(first);
    REQUIRE(again.ok());
    CHECK(again->empty());
    CHECK(testing::largest_difference(first, second) == 0);
  }
}

TEST_CASE("operators that change nothing are removed") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  ValueId x = b.convolution("c", b.input(), 3);
  x = b.node("identity", Identity{}, {x});
  x = b.node("pad", PadChannels{0, 0}, {x});
  x = b.node("max", MaxPool{}, {x});
  x = b.node("average", AveragePool{}, {x});
  x = b.node("act", Activation{}, {x});
  x = b.node("gap", GlobalAveragePool{}, {x});
  x = b.node("gap2", GlobalAveragePool{}, {x});
  x = b.node("flatten", Flatten{}, {x});
  const Graph original = b.finish(x);
  Graph graph = original;
  const auto log = remove_identities(graph);
  CHECK(log.size() == 7);
  CHECK(log[0] == Event{Event::Kind::kRemoved, "identity", "removed identity 'identity', which changes nothing"});
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[1].name == "gap");
  CHECK(graph.output == graph.nodes[1].output);
  CHECK(testing::largest_difference(original, graph) == 0);
}

TEST_CASE("operators that look like identities but are not stay") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  ValueId x = b.node("subsample", MaxPool{window(1, 2)}, {b.input()});
  x = b.node("pad", PadChannels{0, 1}, {x});
  x = b.node("flatten", Flatten{}, {x});
  Graph graph = b.finish(x);
  CHECK(remove_identities(graph).empty());
  CHECK(graph.nodes.size() == 3);
}

TEST_CASE("the last identity of a graph that does nothing stays") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = b.node("b", Identity{}, {b.node("a", Identity{}, {b.input()})});
  const Graph graph = check_simplify(b.finish(x));
  CHECK(graph.nodes.size() == 1);
}

TEST_CASE("simplify removes what the output does not depend on and says so") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = b.convolution("c", b.input(), 3);
  (void)b.batch_norm("unread", x);
  const ValueId y = b.batch_norm("bn", x);
  std::string log;
  const Graph graph = check_simplify(b.finish(y), &log);
  CHECK(graph.nodes.size() == 1);
  CHECK(graph.values.size() == 2);
  CHECK(log ==
        "removed batch norm 'unread', which the output does not depend on\n"
        "folded batch norm 'bn' into convolution 'c'\n");
}

TEST_CASE("simplify refuses a graph that is not valid or has quantized weights") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  Graph graph = b.finish(b.convolution("c", b.input(), 3));
  filter_of(graph.nodes[0])->bias.edit().pop_back();
  auto result = simplify(graph);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().where == "c");

  GraphBuilder q(testing::seed(), {4, 4, 3});
  const ValueId x = q.quantize("quantize", q.input(), Quantization{});
  Graph quantized = q.finish(q.linear("fc", q.node("dequantize", Dequantize{}, {x}), 1));
  quantized.nodes[2].inputs = {x};
  filter_of(quantized.nodes[2])->quantized = QuantizedFilter{{-1, 1}, std::vector<std::int8_t>(48, 1), {1}, {0}};
  REQUIRE(validate(quantized).ok());
  result = simplify(quantized);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::kInvalidArgument);
  CHECK(result.error().where == "fc");
}
