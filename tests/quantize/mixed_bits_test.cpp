// Bits that are chosen by layer: the path from many to few, and goals that are met.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "graph/bit_packing.h"
#include "quantize/activations.h"
#include "quantize/mixed_bits.h"
#include "quantize/quantize_graph.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/random_images.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;

// Two residual blocks; the tensor between them has three readers: a layer, another one and the addition.
Graph network() {
  GraphBuilder b(testing::seed(), {8, 8, 3});
  ValueId x = b.convolution("first", b.input(), 8, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
  for (const char* name : {"one", "two"}) {
    const std::string prefix(name);
    ValueId y = b.convolution(prefix + ".conv1", x, 8, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
    y = b.convolution(prefix + ".conv2", y, 8, testing::window(3, 1, 1));
    const ValueId side = b.convolution(prefix + ".side", x, 8, testing::window(1));
    x = b.node(prefix + ".add", Add{}, {y, side}, GraphBuilder::kRelu);
  }
  Graph graph = b.finish(b.linear("last", b.node("pool", GlobalAveragePool{}, {x}), 10));
  testing::spread_scores(graph, 24, 2);
  return graph;
}

CalibrationInputs images_of(const Graph& graph) {
  return {24, [&graph](std::size_t i, std::span<float> out) -> Status {
            const std::vector<double> values = testing::random_input(graph, static_cast<unsigned>(i));
            std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
            return {};
          }};
}

Result<QuantizedGraph> quantize(const Graph& graph, const QuantizeOptions& options) {
  const CalibrationInputs inputs = images_of(graph);
  auto activations = Activations::create(graph, inputs, {options.threads, 0, {}}).value();
  return quantize_graph(graph, activations, options);
}

std::size_t weight_bytes(const QuantizeReport& report, const Graph& graph) {
  std::size_t bits = 0;
  for (const WeightReport& layer : report.weights) {
    for (const Node& node : graph.nodes) {
      if (node.name == layer.layer) bits += filter_of(node)->weights.size() * static_cast<std::size_t>(layer.bits);
    }
  }
  return bits / 8;
}

int activation_bits(const QuantizeReport& report, const std::string& tensor) {
  const auto found = std::find_if(report.tensors.begin(), report.tensors.end(),
                                  [&](const TensorReport& of_tensor) { return of_tensor.name == tensor; });
  REQUIRE(found != report.tensors.end());
  return found->bits;
}

}  // namespace

TEST_CASE("the path takes the step that saves most for its change, and ends with the fewest bits") {
  // Divergences at 8, 6, 4, 3 and 2 bits. The first unit is sensitive, the second is not, the third costs little.
  const std::vector<std::vector<double>> divergences = {
      {0, 1, 2, 3, 4}, {0, 0.1, 0.2, 0.3, 0.4}, {0, 0.1, 0.2, 0.3, 0.4}};
  const auto per_bit = [](double cost) {
    return std::vector<double>{cost * 8, cost * 6, cost * 4, cost * 3, cost * 2};
  };
  const auto path = bit_path(divergences, {per_bit(100), per_bit(100), per_bit(1)}, BitSteps::kAny);
  CHECK(path.front() == std::vector<std::size_t>{0, 0, 0});
  CHECK(path.back() == std::vector<std::size_t>{4, 4, 4});
  CHECK(path[1][1] > 0);  // the cheapest change
  for (std::size_t i = 1; i < path.size(); ++i) {
    std::size_t steps = 0;
    for (std::size_t u = 0; u < 3; ++u) {
      CHECK(path[i][u] >= path[i - 1][u]);
      steps += path[i][u] != path[i - 1][u] ? 1 : 0;
    }
    CHECK(steps == 1);
  }
  const auto step_of = [&](std::size_t unit) {
    return std::find_if(path.begin(), path.end(), [&](const auto& choice) { return choice[unit] == 4; }) - path.begin();
  };
  CHECK(step_of(1) < step_of(0));
  CHECK(step_of(0) < step_of(2));
  CHECK(bit_path({}, {}, BitSteps::kAny).size() == 1);
  // Bits that change nothing, or even less than more bits do, still end.
  CHECK(bit_path({{0.5, 0, 0, 0, 0}}, {per_bit(1)}, BitSteps::kAny).back() == std::vector<std::size_t>{4});
  // Bits that save nothing are left out: 3 bits are no faster than 4 here, and 2 bits are slower.
  CHECK(bit_path({{0, 1, 2, 3, 4}}, {{8, 6, 4, 4, 5}}, BitSteps::kAny).back() == std::vector<std::size_t>{2});
}

TEST_CASE("in stages all units get a width before any gets the one after next") {
  const std::vector<std::vector<double>> divergences = {{0, 1, 2, 3, 4}, {0, 0.1, 0.2, 0.3, 0.4}};
  const std::vector<std::vector<double>> costs = {{8, 6, 4, 3, 2}, {8, 6, 4, 3, 2}};
  const std::vector<std::vector<std::size_t>> expected = {{0, 0}, {0, 1}, {1, 1}, {1, 2}, {2, 2},
                                                          {2, 3}, {3, 3}, {3, 4}, {4, 4}};
  CHECK(bit_path(divergences, costs, BitSteps::kInStages) == expected);
  CHECK(bit_path({}, {}, BitSteps::kInStages).size() == 1);
}

TEST_CASE(
    "a size is met with the least change by weights alone, of which those that read one tensor have the same bits") {
  const Graph graph = network();
  QuantizeOptions options;
  options.goal = BitGoal{};
  std::size_t all = 0;
  for (const Node& node : graph.nodes) all += filter_of(node) != nullptr ? filter_of(node)->weights.size() : 0;
  for (const std::size_t bytes : {all, all * 3 / 4, all / 2}) {
    options.goal->max_weight_bytes = bytes;
    const QuantizedGraph result = quantize(graph, options).value();
    CHECK(weight_bytes(result.report, graph) <= bytes);
    const BitReport& report = result.report.bits;
    REQUIRE(std::count_if(report.trade_off.begin(), report.trade_off.end(),
                          [](const BitTradeOff& point) { return point.is_chosen; }) == 1);
    const auto chosen = std::find_if(report.trade_off.begin(), report.trade_off.end(),
                                     [](const BitTradeOff& point) { return point.is_chosen; });
    CHECK(chosen->weight_bytes <= bytes);
    CHECK(chosen->weight_bytes == weight_bytes(result.report, graph));
    if (chosen != report.trade_off.begin()) CHECK(std::prev(chosen)->weight_bytes > bytes);
    // conv1 and side of each block read one tensor; conv2 of each reads another.
    REQUIRE(report.sensitivity.size() == 4);
    CHECK(report.sensitivity[0].layers == std::vector<std::string>{"one.conv1", "one.side"});
    for (const BitSensitivity& row : report.sensitivity) {
      for (const std::string& layer : row.layers) {
        const auto found = std::find_if(result.report.weights.begin(), result.report.weights.end(),
                                        [&](const WeightReport& weights) { return weights.layer == layer; });
        REQUIRE(found != result.report.weights.end());
        CHECK(found->bits == row.bits);
      }
      CHECK(activation_bits(result.report, row.tensor) == 8);
      // Fewer bits change more, but for noise.
      CHECK(row.divergences.back().divergence > row.divergences.front().divergence);
    }
    for (const WeightReport& layer : result.report.weights) {
      if (layer.layer == "first" || layer.layer == "last") CHECK(layer.bits == 8);
    }
  }
  options.goal->max_weight_bytes = 10;
  const auto refused = quantize(graph, options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("with 2 bits") != std::string::npos);
}

TEST_CASE("a size counts the bytes of the file, in which each layer ends with a whole byte") {
  GraphBuilder b(testing::seed() + 1, {5, 5, 3});
  ValueId x = b.convolution("first", b.input(), 3, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
  for (const char* name : {"one", "two", "three", "four"}) {
    x = b.convolution(name, x, 3, testing::window(1), 1, GraphBuilder::kRelu);  // 9 weights
  }
  Graph graph = b.finish(b.linear("last", b.node("pool", GlobalAveragePool{}, {x}), 5));
  testing::spread_scores(graph, 24, 2);
  const auto bytes_of = [](const Graph& integers) {
    std::size_t bytes = 0;
    for (const Node& node : integers.nodes) {
      const Filter* const filter = filter_of(node);
      if (filter == nullptr) continue;
      bytes += packed_size(filter->quantized->weight_count(), bits_for(filter->quantized->range)).value();
    }
    return bytes;
  };
  // 81 and 15 bytes of the first and the last layer, and 3 to 9 of each of the others.
  QuantizeOptions options;
  options.goal = BitGoal{};
  for (std::size_t bytes = 108; bytes <= 132; ++bytes) {
    CAPTURE(bytes);
    options.goal->max_weight_bytes = bytes;
    const QuantizedGraph result = quantize(graph, options).value();
    CHECK(bytes_of(result.graph) <= bytes);
    for (const BitTradeOff& point : result.report.bits.trade_off) {
      if (point.is_chosen) CHECK(point.weight_bytes == bytes_of(result.graph));
    }
  }
  options.goal->max_weight_bytes = 107;
  CHECK(quantize(graph, options).error().message.find("with 2 bits they take 108,") != std::string::npos);
}

TEST_CASE("a layer that takes as many bytes with fewer bits does not keep others from fewer bits") {
  GraphBuilder b(testing::seed() + 2, {5, 5, 3});
  ValueId x = b.convolution("first", b.input(), 3, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);
  x = b.convolution("three", x, 1, testing::window(1), 1, GraphBuilder::kRelu);  // 3 bytes with 8 and with 6 bits
  x = b.convolution("one", x, 1, testing::window(1), 1, GraphBuilder::kRelu);
  x = b.convolution("many", x, 8, testing::window(3, 1, 1), 1, GraphBuilder::kRelu);  // 72 to 18 bytes
  Graph graph = b.finish(b.linear("last", b.node("pool", GlobalAveragePool{}, {x}), 5));
  testing::spread_scores(graph, 24, 2);
  QuantizeOptions options;
  options.goal = BitGoal{.max_weight_bytes = 81 + 1 + 1 + 18 + 40};
  const auto result = quantize(graph, options);
  REQUIRE_MESSAGE(result.ok(), result.error().text());
  for (const WeightReport& layer : result->report.weights) {
    CAPTURE(layer.layer);
    if (layer.layer == "many") CHECK(layer.bits == 2);
  }
}

TEST_CASE("first and last layers that are treated as others take part in a goal") {
  const Graph graph = network();
  std::size_t all = 0;
  for (const Node& node : graph.nodes) all += filter_of(node) != nullptr ? filter_of(node)->weights.size() : 0;
  QuantizeOptions options;
  options.boundary_layers = BoundaryLayers::kOff;
  options.goal = BitGoal{.max_weight_bytes = all / 4};
  for (const WeightReport& layer : quantize(graph, options).value().report.weights) {
    CAPTURE(layer.layer);
    CHECK(layer.bits == 2);
  }
  options.goal = BitGoal{.max_changed = 1};
  for (const WeightReport& layer : quantize(graph, options).value().report.weights) {
    CAPTURE(layer.layer);
    CHECK(layer.bits == 2);
  }
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const Graph only_boundary = b.finish(b.linear("last", b.convolution("first", b.input(), 2, testing::window(3)), 4));
  options.goal = BitGoal{.max_weight_bytes = 1000};
  CHECK(quantize(only_boundary, options).ok());
  options.boundary_layers = BoundaryLayers::kBits;
  const auto refused = quantize(only_boundary, options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("--first-last off") != std::string::npos);
}

TEST_CASE("a size that is that of one width everywhere gives that width") {
  const Graph graph = network();
  std::size_t inner = 0;
  std::size_t all = 0;
  for (const Node& node : graph.nodes) {
    const std::size_t weights = filter_of(node) != nullptr ? filter_of(node)->weights.size() : 0;
    all += weights;
    if (node.name != "first" && node.name != "last") inner += weights;
  }
  QuantizeOptions options;
  options.goal = BitGoal{};
  for (const int bits : {6, 4, 3}) {
    CAPTURE(bits);
    options.goal->max_weight_bytes = all - inner + inner * static_cast<std::size_t>(bits) / 8;
    for (const BitSensitivity& row : quantize(graph, options).value().report.bits.sensitivity) CHECK(row.bits == bits);
  }
}

TEST_CASE("a share of changed images is kept, and the choice does not depend on threads") {
  const Graph graph = network();
  QuantizeOptions options;
  options.goal = BitGoal{.max_changed = 0.1};
  const QuantizedGraph one = quantize(graph, options).value();
  options.threads = 3;
  const QuantizedGraph three = quantize(graph, options).value();
  REQUIRE(one.report.bits.trade_off.size() == three.report.bits.trade_off.size());
  for (std::size_t i = 0; i < one.report.bits.trade_off.size(); ++i) {
    const BitTradeOff& point = one.report.bits.trade_off[i];
    CHECK(point.divergence == three.report.bits.trade_off[i].divergence);
    CHECK(point.is_chosen == three.report.bits.trade_off[i].is_chosen);
    if (point.is_chosen) {
      REQUIRE(point.changed.has_value());
      CHECK(*point.changed <= 0.1);
    }
  }
  options.goal->max_changed = 1;
  options.residual_copies = Preparation::kOff;  // else layers read these, and residual tensors keep 8 bits
  const QuantizedGraph anything = quantize(graph, options).value();
  CHECK(anything.report.bits.trade_off.back().is_chosen);
  for (const BitSensitivity& row : anything.report.bits.sensitivity) {
    CHECK(activation_bits(anything.report, row.tensor) == row.bits);
  }
}

TEST_CASE("a time is met by what the kernels are said to take") {
  const Graph graph = network();
  const CalibrationInputs inputs = images_of(graph);
  auto activations = Activations::create(graph, inputs, {1, 0, {}}).value();
  // Each layer takes a thousand cycles per bit of its weights; 8 bits everywhere, first and last layer too, take 10 ms.
  const TimeNetwork time = [](const Graph& integers, bool measure) -> Result<NetworkTime> {
    NetworkTime result;
    for (const Node& node : integers.nodes) {
      const Filter* filter = filter_of(node);
      if (filter == nullptr) continue;
      result.estimated_cycles[node.name] = 1000.0 * bits_for(filter->quantized->range);
    }
    if (measure) result.milliseconds = 10;
    return result;
  };
  QuantizeOptions options;
  for (const double milliseconds : {10.0, 7.0, 5.0}) {
    options.goal = BitGoal{.max_milliseconds = milliseconds};
    const QuantizedGraph result = quantize_graph(graph, activations, options, nullptr, time).value();
    double cycles = 0;
    for (const WeightReport& layer : result.report.weights) cycles += 1000.0 * layer.bits;
    const double layers = static_cast<double>(result.report.weights.size());
    CHECK(cycles * 10 / (8000 * layers) <= milliseconds + 1e-9);
    for (const BitTradeOff& point : result.report.bits.trade_off) {
      if (point.is_chosen) CHECK(*point.milliseconds == doctest::Approx(cycles * 10 / (8000 * layers)));
    }
  }
  options.goal = BitGoal{.max_milliseconds = 1};
  const auto refused = quantize_graph(graph, activations, options, nullptr, time);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("with 8 bits it takes 10") != std::string::npos);
}

TEST_CASE("goals that contradict are refused before images are looked at") {
  const Graph graph = network();
  const auto refused = [&](const QuantizeOptions& options) {
    const auto result = quantize(graph, options);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().where == "goal");
  };
  QuantizeOptions options;
  options.goal = BitGoal{.max_weight_bytes = 1000, .max_changed = 0.1};
  refused(options);
  options.goal = BitGoal{.max_changed = 1.5};
  refused(options);
  options.goal = BitGoal{.max_changed = 0.1};
  options.layer_weight_bits = {{"one.conv1", 4}};
  refused(options);
}

TEST_CASE("a size that two bits exceed is refused before images are looked at, and the smallest one is said") {
  const Graph graph = network();
  bool looked = false;
  const CalibrationInputs inputs{24, [&looked](std::size_t, std::span<float> out) -> Status {
                                   looked = true;
                                   std::fill(out.begin(), out.end(), 0.5F);
                                   return {};
                                 }};
  auto activations = Activations::create(graph, inputs, {1, 0, {}}).value();
  std::size_t least = 0;
  for (const Node& node : graph.nodes) {
    const std::size_t weights = filter_of(node) != nullptr ? filter_of(node)->weights.size() : 0;
    least += node.name == "first" || node.name == "last" ? weights : weights / 4;
  }
  QuantizeOptions options;
  options.goal = BitGoal{.max_weight_bytes = least - 1};
  const auto refused = quantize_graph(graph, activations, options, nullptr, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kInvalidArgument);
  CHECK(refused.error().message.find("with 2 bits they take " + std::to_string(least)) != std::string::npos);
  CHECK_FALSE(looked);
  options.goal->max_weight_bytes = least;
  CHECK(quantize_graph(graph, activations, options, nullptr, {}).ok());
  CHECK(looked);
}

}  // namespace narrow::graph
