// One object holds the calibration images: what it collects depends on nothing but them.
#include "quantize/activations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

// A sum that rounds at each addition, so that its value depends on the order of the images.
struct RoundingSum {
  float sum = 0;
  bool observe(std::span<const float> values) {
    for (const float value : values) sum = sum * 0.999F + value;
    return true;
  }
  Status merge(const RoundingSum& other) {
    sum = sum * 0.999F + other.sum;
    return {};
  }
};

Graph small_graph() {
  testing::GraphBuilder b(testing::seed(), {6, 6, 3});
  return b.finish(b.linear("fc", b.convolution("conv", b.input(), 4, testing::window(3, 1, 1)), 5));
}

CalibrationInputs images(const Graph& graph, std::size_t count, std::atomic<int>& decoded) {
  return {count, [&graph, &decoded](std::size_t i, std::span<float> out) -> Status {
            ++decoded;
            const std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
            std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
            return {};
          }};
}

std::vector<float> sums(Activations& activations) {
  std::vector<float> result;
  const auto collected = activations.collect<RoundingSum>([](const Value&) { return RoundingSum{}; });
  REQUIRE_MESSAGE(collected.ok(), collected.error().text());
  for (const auto& statistic : *collected) result.push_back(statistic ? statistic->sum : -1.0F);
  return result;
}

}  // namespace

TEST_CASE("a statistic that depends on the order of images does not depend on threads") {
  const Graph graph = small_graph();
  std::atomic<int> decoded = 0;
  const CalibrationInputs inputs = images(graph, 70, decoded);
  auto one = Activations::create(graph, inputs, {});
  REQUIRE(one.ok());
  const std::vector<float> expected = sums(*one);
  CHECK(std::count(expected.begin(), expected.end(), 0.0F) == 0);
  for (const int threads : {2, 3, 8, 64}) {
    CAPTURE(threads);
    auto more = Activations::create(graph, inputs, {threads, 0, {}});
    REQUIRE(more.ok());
    CHECK(sums(*more) == expected);
  }
}

TEST_CASE("images within the memory budget are decoded once for all passes") {
  const Graph graph = small_graph();
  std::atomic<int> decoded = 0;
  const CalibrationInputs inputs = images(graph, 40, decoded);
  const auto image_bytes = sizeof(float) * static_cast<std::size_t>(graph.value(graph.input).shape.elems());
  for (const std::size_t kept : {std::size_t{0}, std::size_t{1}, std::size_t{25}, std::size_t{40}, std::size_t{99}}) {
    CAPTURE(kept);
    decoded = 0;
    auto activations = Activations::create(graph, inputs, {2, kept * image_bytes, {}});
    REQUIRE(activations.ok());
    const std::vector<float> first = sums(*activations);
    CHECK(decoded == 40);
    CHECK(sums(*activations) == first);
    CHECK(decoded == 80 - static_cast<int>(std::min<std::size_t>(kept, 40)));
  }
}

}  // namespace narrow::graph
