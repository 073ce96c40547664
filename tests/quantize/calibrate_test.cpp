#include "quantize/calibrate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <numeric>
#include <random>
#include <stdexcept>
#include <thread>

#include "base/try.h"
#include "tests/support/data.h"
#include "tests/support/graph/naive_evaluator.h"
#include "tests/support/graph/named.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;
using Observations = std::vector<std::optional<Observation>>;

// stem -> (branch + stem) -> gap -> fc, and a branch that the output does not need.
Graph small_graph() {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  const ValueId stem = b.convolution("stem", b.input(), 6, window(3, 1, 1), 1, GraphBuilder::kRelu);
  b.convolution("dead", stem, 4);
  const ValueId branch = b.convolution("branch", stem, 6, window(3, 1, 1));
  const ValueId sum = b.node("sum", Add{}, {stem, branch}, GraphBuilder::kRelu);
  const ValueId gap = b.node("gap", GlobalAveragePool{}, {sum});
  return b.finish(b.linear("fc", gap, 4));
}

std::vector<double> image(const Graph& graph, std::size_t i) {
  std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(1000 + i));
  for (double& value : values) value = static_cast<float>(value * (1.0 + static_cast<double>(i % 7)));
  return values;
}

// Images in the order that `order` gives.
CalibrationInputs images(const Graph& graph, std::vector<std::size_t> order) {
  CalibrationInputs inputs;
  inputs.count = order.size();
  inputs.fill = [&graph, order](std::size_t i, std::span<float> out) -> Status {
    const std::vector<double> values = image(graph, order[i]);
    std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  return inputs;
}

std::vector<std::size_t> ascending(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

bool identical(const Observations& a, const Observations& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t v = 0; v < a.size(); ++v) {
    if (a[v].has_value() != b[v].has_value()) return false;
    if (a[v] && (std::memcmp(&a[v]->min, &b[v]->min, 4) != 0 || std::memcmp(&a[v]->max, &b[v]->max, 4) != 0 ||
                 a[v]->images != b[v]->images || a[v]->channel_means != b[v]->channel_means)) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("calibration observes every live tensor and only those") {
  const Graph graph = small_graph();
  const auto seen = calibrate(graph, images(graph, ascending(9)), ObserverKind::kMinMax, 1, {}).value();
  REQUIRE(seen.size() == graph.values.size());
  for (std::size_t v = 0; v < seen.size(); ++v) {
    CAPTURE(graph.values[v].name);
    CHECK(seen[v].has_value() == (graph.values[v].name != "dead"));
    if (!seen[v]) continue;
    CHECK(seen[v]->images == 9);
    const auto channels = static_cast<std::size_t>(graph.values[v].shape.channels);
    std::vector<double> sums(channels);
    double lo = std::numeric_limits<double>::infinity();
    double hi = -lo;
    for (std::size_t i = 0; i < 9; ++i) {
      const std::vector<std::vector<double>> values = testing::evaluate_all(graph, image(graph, i));
      for (std::size_t e = 0; e < values[v].size(); ++e) sums[e % channels] += values[v][e];
      for (const double x : values[v]) {
        lo = std::min(lo, x);
        hi = std::max(hi, x);
      }
    }
    REQUIRE(seen[v]->channel_means.size() == channels);
    const auto elems = static_cast<double>(9 * graph.values[v].shape.elems()) / static_cast<double>(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      CHECK(std::abs(double{seen[v]->channel_means[c]} - sums[c] / elems) < 1e-5 * (hi - lo));
    }
    CHECK(double{seen[v]->min} == doctest::Approx(lo).epsilon(1e-5));
    CHECK(double{seen[v]->max} == doctest::Approx(hi).epsilon(1e-5));
  }
  CHECK(seen[static_cast<std::size_t>(testing::id_named(graph, "sum"))]->min == 0.0F);
}

TEST_CASE("calibration does not depend on threads or on the order of images") {
  const Graph graph = small_graph();
  std::mt19937 generator(testing::seed());
  for (const ObserverKind kind : {ObserverKind::kMinMax, ObserverKind::kMovingAverage}) {
    const Observations expected = calibrate(graph, images(graph, ascending(40)), kind, 1, {}).value();
    for (const int threads : {1, 2, 3, 8, 64}) {
      std::vector<std::size_t> order = ascending(40);
      std::shuffle(order.begin(), order.end(), generator);
      CAPTURE(threads);
      CHECK(identical(calibrate(graph, images(graph, order), kind, threads, {}).value(), expected));
    }
  }
}

TEST_CASE("calibration reads one image per worker at a time and reports progress in order") {
  const Graph graph = small_graph();
  CalibrationInputs inputs = images(graph, ascending(30));
  std::atomic<int> calls = 0;
  inputs.fill = [&calls, fill = inputs.fill](std::size_t i, std::span<float> out) {
    ++calls;
    return fill(i, out);
  };
  std::vector<std::size_t> reports;  // without a lock: progress is serialised
  const auto progress = [&](std::size_t done, std::size_t total) {
    CHECK(total == 30);
    reports.push_back(done);
  };
  REQUIRE(calibrate(graph, inputs, ObserverKind::kMinMax, 3, progress).ok());
  CHECK(calls == 30);
  std::vector<std::size_t> expected = ascending(30);
  for (std::size_t& i : expected) ++i;
  CHECK(reports == expected);
}

TEST_CASE("calibration passes on the error of the first image that has one") {
  const Graph graph = small_graph();
  for (const int threads : {1, 2, 5}) {
    CalibrationInputs inputs = images(graph, ascending(20));
    inputs.fill = [fill = inputs.fill](std::size_t i, std::span<float> out) -> Status {
      // The later one fails first.
      if (i == 6) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (i == 6 || i == 7 || i == 15) return Error{ErrorCode::kIo, "cannot read", std::to_string(i) + ".jpg"};
      return fill(i, out);
    };
    const auto result = calibrate(graph, inputs, ObserverKind::kMinMax, threads, {});
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::kIo);
    CHECK(result.error().text() == "6.jpg: cannot read");
  }
}

TEST_CASE("calibration turns exceptions of its caller into errors") {
  const Graph graph = small_graph();
  CalibrationInputs inputs = images(graph, ascending(4));
  const auto throwing = [](std::size_t, std::size_t) { throw std::runtime_error("boom"); };
  const auto result = calibrate(graph, inputs, ObserverKind::kMinMax, 2, throwing);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find("boom") != std::string::npos);
  inputs.fill = [](std::size_t, std::span<float>) -> Status { throw 7; };
  CHECK_FALSE(calibrate(graph, inputs, ObserverKind::kMinMax, 2, {}).ok());
}

TEST_CASE("calibration names the image and tensor of a number that is not finite") {
  const Graph graph = small_graph();
  CalibrationInputs inputs = images(graph, ascending(5));
  inputs.fill = [fill = inputs.fill](std::size_t i, std::span<float> out) -> Status {
    NARROW_TRY(fill(i, out));
    if (i == 3) out[17] = std::numeric_limits<float>::quiet_NaN();
    return {};
  };
  const auto input = calibrate(graph, inputs, ObserverKind::kMinMax, 2, {});
  REQUIRE_FALSE(input.ok());
  CHECK(input.error().where == "calibration input 3");
  CHECK(input.error().message.find("input 'input'") != std::string::npos);

  // Finite everywhere until the second layer overflows.
  Graph large = graph;
  for (Node& node : large.nodes) {
    if (node.name == "branch") {
      for (float& w : filter_of(node)->weights.edit()) w = 3e38F;
    }
  }
  const auto overflow = calibrate(large, images(large, ascending(5)), ObserverKind::kMinMax, 1, {});
  REQUIRE_FALSE(overflow.ok());
  CHECK(overflow.error().where == "calibration input 0");
  CHECK(overflow.error().message.find("tensor 'branch'") != std::string::npos);
}

TEST_CASE("calibration names the function that has no finite result, and what helps") {
  GraphBuilder b(1, {2, 2, 1});
  const Graph graph = b.finish(b.function("log", b.input(), FunctionKind::kLog));
  CalibrationInputs inputs = images(graph, ascending(1));
  inputs.fill = [](std::size_t /*i*/, std::span<float> out) -> Status {
    std::fill(out.begin(), out.end(), 0.0F);
    return {};
  };
  const auto result = calibrate(graph, inputs, ObserverKind::kMinMax, 1, {});
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find("tensor 'log'") != std::string::npos);
  CHECK(result.error().message.find("a Log of numbers that have none: a Clip before it") != std::string::npos);
}

TEST_CASE("calibration without images or threads is an error") {
  const Graph graph = small_graph();
  const auto none = calibrate(graph, images(graph, {}), ObserverKind::kMinMax, 1, {});
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(calibrate(graph, CalibrationInputs{3, {}}, ObserverKind::kMinMax, 1, {}).ok());
  CHECK(calibrate(graph, images(graph, ascending(2)), ObserverKind::kMinMax, 0, {}).error().where == "threads");
}

}  // namespace narrow::graph
