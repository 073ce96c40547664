// How networks are divided into blocks.
#include "quantize/blocks.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "graph/liveness.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

// The names of each block's nodes, joined by spaces.
std::vector<std::string> blocks_of(const Graph& graph) {
  std::vector<std::string> result;
  ValueId input = graph.input;
  for (const Block& block : divide_into_blocks(graph, find_live(graph))) {
    CHECK(block.input == input);
    input = block.output;
    std::string& names = result.emplace_back();
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      names += (names.empty() ? "" : " ") + graph.nodes[n].name;
    }
    CHECK(graph.nodes[block.nodes.last - 1].output == block.output);
  }
  CHECK(input == graph.output);
  return result;
}

using Blocks = std::vector<std::string>;

}  // namespace

TEST_CASE("a residual block is one block, also with a layer or with pads on its shortcut") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a1 = b.convolution("a1", stem, 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId a2 = b.convolution("a2", a1, 4, window(3, 1, 1));
  const ValueId a = b.node("a", Add{}, {a2, stem}, GraphBuilder::kRelu);
  const ValueId b1 = b.convolution("b1", a, 6, window(3, 2, 1), 1, GraphBuilder::kRelu);
  const ValueId half = b.node("half", MaxPool{window(1, 2)}, {a});
  const ValueId wide = b.node("wide", PadChannels{1, 1}, {half});
  const ValueId sum = b.node("sum", Add{}, {b1, wide}, GraphBuilder::kRelu);
  const ValueId c1 = b.convolution("c1", sum, 8, window(3, 2, 1));
  const ValueId down = b.convolution("down", sum, 8, window(1, 2));
  const ValueId c = b.node("c", Add{}, {c1, down}, GraphBuilder::kRelu);
  const ValueId mean = b.node("mean", GlobalAveragePool{}, {c});
  CHECK(blocks_of(b.finish(b.linear("fc", mean, 5))) ==
        Blocks{"stem", "a1 a2 a", "b1 half wide sum", "c1 down c mean", "fc"});
}

TEST_CASE(
    "an inverted residual is one block, with and without a sum, and so are a depthwise layer and what follows it") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu6);
  const ValueId d0 = b.convolution("d0", stem, 4, window(3, 1, 1), 4, GraphBuilder::kRelu6);
  const ValueId p0 = b.convolution("p0", d0, 4);
  const ValueId e1 = b.convolution("e1", p0, 8, {}, 1, GraphBuilder::kRelu6);
  const ValueId d1 = b.convolution("d1", e1, 8, window(3, 1, 1), 8, GraphBuilder::kRelu6);
  const ValueId p1 = b.convolution("p1", d1, 4);
  const ValueId sum = b.node("sum", Add{}, {p1, p0});
  const ValueId e2 = b.convolution("e2", sum, 8, {}, 1, GraphBuilder::kRelu6);
  const ValueId d2 = b.convolution("d2", e2, 8, window(3, 2, 1), 8, GraphBuilder::kRelu6);
  const ValueId p2 = b.convolution("p2", d2, 6);
  const ValueId d3 = b.convolution("d3", p2, 6, window(3, 1, 1), 6, GraphBuilder::kRelu);
  const ValueId p3 = b.convolution("p3", d3, 6, {}, 1, GraphBuilder::kRelu);
  const ValueId d4 = b.convolution("d4", p3, 6, window(3, 1, 1), 6, GraphBuilder::kRelu);
  const ValueId p4 = b.convolution("p4", d4, 6, {}, 1, GraphBuilder::kRelu);
  CHECK(blocks_of(b.finish(b.linear("fc", b.node("mean", GlobalAveragePool{}, {p4}), 5))) ==
        Blocks{"stem d0 p0", "e1 d1 p1 sum", "e2 d2 p2", "d3 p3", "d4 p4 mean", "fc"});
}

TEST_CASE("layers in a row are blocks of their own, and what has no gradient stands alone") {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId one = b.convolution("one", b.input(), 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId two = b.convolution("two", one, 4, window(3, 1, 1), 1, GraphBuilder::kRelu);
  const ValueId pool = b.node("pool", MaxPool{window(2, 2)}, {two});
  const ValueId norm = b.node("norm", Lrn{}, {pool});
  const ValueId fc = b.linear("fc", norm, 5);
  CHECK(blocks_of(b.finish(b.node("soft", Softmax{}, {fc}))) == Blocks{"one", "two pool", "norm", "fc", "soft"});
}

}  // namespace narrow::graph
