// Grouping nodes to steps takes time that grows with their number, whatever a file holds.
#include "engine/plan/step_groups.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace narrow;

TEST_CASE("a hundred thousand nodes are grouped in less than ten seconds") {
  constexpr int kNodes = 1 << 17;
  graph::Graph graph;
  graph.values.push_back({"x", {8, 8, 3}, std::nullopt});
  for (int i = 0; i < kNodes; ++i) {
    const std::string name = std::to_string(i);
    graph.values.push_back({name, {8, 8, 3}, std::nullopt});
    graph.nodes.push_back({name, graph::Activation{}, {i}, i + 1, {}});
  }
  graph.input = 0;
  graph.output = kNodes;
  const auto start = std::chrono::steady_clock::now();
  const auto groups = engine::group_steps(graph);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(seconds.count() < 10);
  REQUIRE(groups.size() == kNodes);
  CHECK(groups.front().first() == 0);
  CHECK(groups.back().last() == kNodes - 1);
}
