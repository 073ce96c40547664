#include "tests/floating/check_float_executor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "floating/float_executor.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

std::vector<float> to_float(const std::vector<double>& values) { return {values.begin(), values.end()}; }

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_against_naive(const graph::Graph& graph, unsigned seed) {
  // The same numbers for both: those that a float can hold.
  const std::vector<float> input = to_float(random_input(graph, seed));
  const auto expected = evaluate_all(graph, {input.begin(), input.end()});
  graph::FloatExecutor executor = graph::FloatExecutor::create(graph).value();
  std::vector<float> output(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  std::size_t seen = 0;
  const auto tap = [&](graph::ValueId id, std::span<const float> values) {
    ++seen;
    const std::vector<double>& want = expected[static_cast<std::size_t>(id)];
    REQUIRE(values.size() == want.size());
    double largest = 1;
    for (const double x : want) largest = std::max(largest, std::abs(x));
    double error = 0;
    for (std::size_t i = 0; i < want.size(); ++i) error = std::max(error, std::abs(double{values[i]} - want[i]));
    CAPTURE(graph.value(id).name);
    CHECK(error <= 2e-6 * largest);
  };
  executor.run(input, output, tap).value();
  graph::Graph live = graph;
  remove_dead(live);
  CHECK(seen == live.values.size());
  // A second run with dirty buffers gives the same bytes.
  std::vector<float> again(output.size());
  executor.run(input, again).value();
  CHECK(same_bytes(output, again));
}

}  // namespace narrow::testing
