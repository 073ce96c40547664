// Ranges by what they do to the layers that read a tensor.
#include "quantize/reader_errors.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;

constexpr std::size_t kOutputs = 40;  // more than are looked at one by one

// One layer that reads the first of two channels, and the second times `second`.
Graph reading(float second) {
  GraphBuilder b(testing::seed(), {4, 4, 2});
  Graph graph = b.finish(b.convolution("reader", b.input(), kOutputs, testing::window(1)));
  Filter& filter = *filter_of(graph.nodes[0]);
  std::vector<float> weights;
  for (std::size_t c = 0; c < kOutputs; ++c) {
    weights.push_back(c % 2 == 0 ? 1.0F : -1.0F);
    weights.push_back(second);
  }
  filter.weights = std::move(weights);
  return graph;
}

// Small values in the first channel, large ones in the second.
std::vector<float> values() {
  std::vector<float> result;
  for (int i = 0; i < 16; ++i) {
    result.push_back(0.06F * static_cast<float>(i));
    result.push_back(15.0F * static_cast<float>(i) / 16);
  }
  return result;
}

ReaderErrors errors_of(const Graph& graph) {
  auto subject = std::make_shared<ReaderErrors::Subject>();
  subject->candidates = {{1.0F, 0, {0, 15}}, {1.0F / 16, 0, {0, 15}}};  // up to 15, and up to 15/16
  subject->readers.emplace_back(graph, 0, 16);
  return ReaderErrors(std::move(subject));
}

}  // namespace

TEST_CASE("a range that clips a channel is good where no layer reads the channel") {
  const Graph graph = reading(0);
  ReaderErrors seen = errors_of(graph);
  REQUIRE(seen.observe(values()));
  const std::vector<double> errors = seen.errors();
  REQUIRE(errors.size() == 2);
  CHECK(errors[1] < errors[0] / 10);
}

TEST_CASE("a range that clips a channel is bad where a layer reads the channel") {
  const Graph graph = reading(1);
  ReaderErrors seen = errors_of(graph);
  REQUIRE(seen.observe(values()));
  const std::vector<double> errors = seen.errors();
  CHECK(errors[0] < errors[1] / 10);
}

TEST_CASE("errors of shards add up, and an infinite value is refused") {
  const Graph graph = reading(1);
  ReaderErrors first = errors_of(graph);
  ReaderErrors second = errors_of(graph);
  const ReaderErrors none = errors_of(graph);
  REQUIRE(first.observe(values()));
  REQUIRE(second.observe(values()));
  const std::vector<double> alone = first.errors();
  REQUIRE(first.merge(second).ok());
  REQUIRE(first.merge(none).ok());
  for (std::size_t i = 0; i < alone.size(); ++i) CHECK(first.errors()[i] == doctest::Approx(alone[i]));
  CHECK(none.errors().empty());
  std::vector<float> infinite = values();
  std::fill(infinite.begin(), infinite.end(), std::numeric_limits<float>::infinity());
  CHECK_FALSE(second.observe(infinite));
}

}  // namespace narrow::graph
