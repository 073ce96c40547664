// What BatchNorms tell of the images that a network was trained with.
#include "quantize/trained_statistics.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {

using testing::GraphBuilder;
using testing::window;

TEST_CASE("statistics are those of BatchNorms and not of products and sums with constants") {
  struct Case {
    float mean, variance, epsilon;
    bool has_statistics;
  };
  for (const Case& c : std::vector<Case>{{0, 1, 0, false}, {0, 1, 1e-5F, true}, {0.5F, 1, 0, true}, {0, 2, 0, true}}) {
    GraphBuilder b(testing::seed(), {4, 4, 3});
    const ValueId x = b.convolution("conv", b.input(), 8, window(3, 1, 1));
    const Graph graph =
        b.finish(b.node("norm",
                        BatchNorm{std::vector<float>(8, 1.5F), std::vector<float>(8, 0.25F),
                                  std::vector<float>(8, c.mean), std::vector<float>(8, c.variance), c.epsilon},
                        {x}));
    const std::vector<TrainedLayer> trained = trained_statistics(graph);
    CAPTURE(c.variance);
    REQUIRE(trained.size() == (c.has_statistics ? 1 : 0));
    if (c.has_statistics) CHECK(trained[0].mean == std::vector<float>(8, 0.25F));
  }
}

}  // namespace narrow::graph
