// Identity removal, dead code, simplify as a whole, and random networks.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "graph/passes/remove_identities.h"
#include "graph/passes/simplify.h"
#include "tests/graph/check_same_function.h"
#include "tests/graph/random_graph.h"
#include "tests/support/data.h"

using namespace narrow;
using namespace narrow::graph;
using narrow::testing::check_simplify;
using narrow::testing::count;
using narrow::testing::GraphBuilder;
using narrow::testing::window;

namespace {

// Random networks of everything that passes look at: branches, shared values, batch norms in all places.
class RandomNetwork {
 public:
  explicit RandomNetwork(unsigned seed) : b_(seed, {7, 6, 3}) {}

  Graph build() {
    alive_.push_back(b_.input());
    const int nodes = pick(6, 18);
    for (int i = 0; i < nodes; ++i) alive_.push_back(step("n" + std::to_string(i)));
    ValueId x = alive_.back();
    if (pick(0, 1) == 1) x = b_.batch_norm("last_norm", x, pick(0, 1) == 1);
    if (pick(0, 1) == 1) x = b_.node("gap", GlobalAveragePool{}, {x});
    return b_.finish(pick(0, 2) == 0 ? b_.batch_norm("scores_norm", x) : b_.linear("fc", x, 4));
  }

 private:
  int pick(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(b_.generator()); }
  // Mostly one of the newest values, so that the network is deep.
  ValueId any() {
    const int back = std::min(pick(0, 3), static_cast<int>(alive_.size()) - 1);
    return alive_[alive_.size() - 1 - static_cast<std::size_t>(back)];
  }
  // A value as high and wide as x, or x itself.
  ValueId partner(ValueId x, bool same_channels) {
    std::vector<ValueId> fit;
    for (const ValueId id : alive_) {
      const TensorShape& a = b_.shape(id);
      const TensorShape& s = b_.shape(x);
      if (a.height == s.height && a.width == s.width && (!same_channels || a.channels == s.channels)) fit.push_back(id);
    }
    return fit[static_cast<std::size_t>(pick(0, static_cast<int>(fit.size()) - 1))];
  }

  ValueId step(const std::string& name) {
    const ValueId x = any();
    const TensorShape shape = b_.shape(x);
    const bool big = shape.height >= 3 && shape.width >= 3;
    switch (pick(0, 14)) {
      case 0:
      case 1:
        return b_.convolution(name, x, pick(1, 6), big ? window(3, 1, pick(0, 1)) : window(1));
      case 2: {
        const int groups = static_cast<int>(shape.channels);
        return b_.convolution(name, x, groups * pick(1, 2), window(3, 1, 1), groups);
      }
      case 3:
      case 4:
      case 5:
        return b_.batch_norm(name, x, pick(0, 1) == 1);
      case 6:
        return b_.affine(name, x, pick(0, 1) == 1 ? 0.5F : -0.5F, pick(0, 1) == 1 ? 0.25F : 0.0F);
      case 7:
        return b_.relu(name, x);
      case 8:
        return b_.clamp(name, x, pick(0, 1) == 1 ? GraphBuilder::kRelu6 : Clamp{-1.0F, 1.5F});
      case 9:
        return b_.node(name, Add{}, {x, partner(x, true)}, pick(0, 1) == 1 ? GraphBuilder::kRelu : Clamp{});
      case 10:
        if (shape.channels > 24) return b_.node(name, Identity{}, {x});
        return b_.node(name, Concat{}, {x, partner(x, false)});
      case 11:
        return b_.node(name, MaxPool{window(2, 1, pick(0, 1))}, {big ? x : b_.input()});
      case 12:
        return b_.node(name, AveragePool{window(2, 1, pick(0, 1)), pick(0, 1) == 1}, {big ? x : b_.input()});
      case 13:
        return b_.node(name, PadChannels{pick(0, 1), pick(0, 2)}, {x});
      default:
        return b_.node(name, Identity{}, {x});
    }
  }

  GraphBuilder b_;
  std::vector<ValueId> alive_;
};

}  // namespace

TEST_CASE("random networks keep their function and lose batch norms and identities") {
  int folded = 0;
  int lowered = 0;
  for (unsigned i = 0; i < 400; ++i) {
    CAPTURE(i);
    const Graph original = RandomNetwork(testing::seed() + i).build();
    std::string log;
    const Graph simplified = check_simplify(original, &log);
    CHECK(count<Identity>(simplified) == 0);
    if (log.find("folded") != std::string::npos) ++folded;
    if (log.find("depthwise") != std::string::npos) ++lowered;
  }
  // Both ways must have been taken, or this test shows nothing.
  CHECK(folded > 50);
  CHECK(lowered > 50);
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
  CHECK(log[0] == "removed identity 'identity', which changes nothing");
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
  filter_of(graph.nodes[0])->bias.pop_back();
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
