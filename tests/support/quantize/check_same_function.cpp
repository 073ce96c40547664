#include "tests/support/quantize/check_same_function.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "rewrites/simplify.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

double largest_difference(const graph::Graph& original, const graph::Graph& rewritten) {
  double largest = 0;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const std::vector<double> input = random_input(original, seed);
    const std::vector<double> before = evaluate(original, input);
    const std::vector<double> after = evaluate(rewritten, input);
    if (before.size() != after.size()) return std::numeric_limits<double>::infinity();
    double magnitude = 1e-3;
    for (const double value : before) magnitude = std::max(magnitude, std::abs(value));
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double difference = std::abs(before[i] - after[i]) / magnitude;
      // Written so that NaN is the largest difference.
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}

double signal_to_noise(const graph::Graph& want, const graph::Graph& have) {
  double signal = 0;
  double noise = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const std::vector<double> x = evaluate(want, random_input(want, i));
    const std::vector<double> y = evaluate(have, random_input(want, i));
    for (std::size_t c = 0; c < x.size(); ++c) {
      signal += x[c] * x[c];
      noise += (x[c] - y[c]) * (x[c] - y[c]);
    }
  }
  return 10 * std::log10(signal / noise);
}

graph::Graph check_simplify(const graph::Graph& graph, std::string* log) {
  const Status valid = graph::validate(graph);
  REQUIRE_MESSAGE(valid.ok(), valid.error().text());
  graph::Graph simplified = graph;
  const auto events = graph::simplify(simplified);
  REQUIRE_MESSAGE(events.ok(), events.error().text());
  std::string text;
  for (const Event& event : *events) text += event.text + "\n";
  INFO(text);
  const Status still_valid = graph::validate(simplified);
  REQUIRE_MESSAGE(still_valid.ok(), still_valid.error().text());
  CHECK(count<graph::BatchNorm>(simplified) == 0);
  CHECK(largest_difference(graph, simplified) < 1e-5);
  if (log != nullptr) *log = text;
  return simplified;
}

}  // namespace narrow::testing
