// Executors of parts of a network, kept values and replaced weights.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "floating/float_executor.h"
#include "tests/floating/check_float_executor.h"
#include "tests/floating/check_simulation.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::float_input;
using testing::GraphBuilder;
using testing::run_whole;
using testing::same_bytes;
using testing::window;

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<Feed> feeds_of(const FloatExecutor& executor, const std::map<ValueId, std::vector<float>>& values) {
  std::vector<Feed> feeds;
  for (const ValueId id : executor.inputs()) feeds.push_back({id, values.at(id)});
  return feeds;
}

// Runs the network in two parts, for every place to divide it. The second part is fed with what the first one wrote.
void check_parts_equal_whole(const Graph& network, const std::vector<float>& input) {
  FloatExecutor whole = FloatExecutor::create(network).value();
  const std::vector<float> want = run_whole(whole, network, input);
  for (std::size_t k = 0; k <= network.nodes.size(); ++k) {
    CAPTURE(k);
    FloatExecutor first = FloatExecutor::create(network, {.nodes = {0, k}}).value();
    FloatExecutor second = FloatExecutor::create(network, {.nodes = {k}}).value();
    std::map<ValueId, std::vector<float>> values{{network.input, input}};
    first.run(feeds_of(first, values)).value();
    for (const ValueId id : first.outputs()) values[id] = copy(first.as_written(id));
    second.run(feeds_of(second, values)).value();
    const FloatExecutor& last = k == network.nodes.size() ? first : second;
    CHECK(same_bytes(copy(last.as_written(network.output)), want));
  }
}

}  // namespace

TEST_CASE("two parts of a network give what the whole gives, wherever it is divided") {
  for (unsigned i = 0; i < 15; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    const Graph network = testing::random_quantizable(seed);
    check_parts_equal_whole(network, float_input(network, seed));
    check_parts_equal_whole(testing::quantize(network).graph, float_input(network, seed));
  }
}

TEST_CASE("values that are kept hold what the tap has seen, after everything has run") {
  for (unsigned i = 0; i < 15; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    const Graph network = testing::random_quantizable(seed);
    const Graph quantized = testing::quantize(network).graph;
    for (const Graph& graph : {network, quantized}) {
      ExecutorOptions options;
      for (std::size_t n = 0; n < graph.nodes.size(); n += 2) options.keep.push_back(graph.nodes[n].output);
      options.keep.push_back(graph.input);
      FloatExecutor executor = FloatExecutor::create(graph, options).value();
      FloatExecutor plain = FloatExecutor::create(graph).value();
      const std::vector<float> input = float_input(graph, seed);
      std::map<ValueId, std::vector<float>> seen;
      const auto tap = [&](ValueId id, std::span<const float> values) { seen[id] = copy(values); };
      std::vector<float> output(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
      executor.run(input, output, tap).value();
      CHECK(same_bytes(output, run_whole(plain, graph, input)));
      for (const ValueId id : options.keep) CHECK(same_bytes(copy(executor.value(id)), seen.at(id)));
    }
  }
}

TEST_CASE("a part runs only what its outputs and the kept values depend on") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId x = b.convolution("x", b.input(), 4);        // node 0
  const ValueId side = b.convolution("side", b.input(), 4);  // node 1
  const ValueId y = b.clamp("y", x, GraphBuilder::kRelu);    // node 2
  const ValueId z = b.node("z", Add{}, {y, side});           // node 3
  const ValueId dead = b.convolution("dead", y, 2);          // node 4
  const Graph network = b.finish(b.linear("fc", z, 2));      // node 5
  const auto ran = [&](const ExecutorOptions& options) {
    FloatExecutor executor = FloatExecutor::create(network, options).value();
    std::vector<std::vector<float>> values;
    std::vector<Feed> feeds;
    for (const ValueId id : executor.inputs()) {
      values.emplace_back(static_cast<std::size_t>(network.value(id).shape.elems()), 0.5F);
      feeds.push_back({id, values.back()});
    }
    std::vector<ValueId> seen;
    executor.run(feeds, [&](ValueId id, std::span<const float>) { seen.push_back(id); }).value();
    return seen;
  };
  using Ids = std::vector<ValueId>;
  CHECK(ran({}) == Ids{network.input, x, side, y, z, network.output});
  CHECK(ran({.nodes = {2, 4}}) == Ids{x, side, y, z});
  CHECK(ran({.nodes = {2, 3}}) == Ids{x, y});
  CHECK(ran({.nodes = {2, 2}}) == Ids{});
  CHECK(ran({.nodes = {4, 5}}) == Ids{});
  CHECK(ran({.nodes = {4, 5}, .keep = {dead}}) == Ids{y, dead});

  FloatExecutor part = FloatExecutor::create(network, {.nodes = {2, 4}}).value();
  CHECK(part.inputs() == Ids{x, side});
  CHECK(part.outputs() == Ids{z});
  CHECK(part.value(z).size() == 6 * 6 * 4);
  CHECK(part.value(y).empty());
  CHECK(part.value(kNoValue).empty());
}

TEST_CASE("replaced weights give what an executor that is made of them gives") {
  for (unsigned seed = testing::seed(); seed < testing::seed() + 4; ++seed) {
    GraphBuilder b(seed, {7, 6, 4});
    ValueId x = b.convolution("a", b.input(), 8, window(3, 1, 1), 2, GraphBuilder::kRelu);
    x = b.convolution("b", x, 8, window(3, 1, 1), 8, Clamp{-0.5F, 0.5F});
    const Graph network = b.finish(b.linear("fc", x, 5));
    Graph other = network;
    for (Node& node : other.nodes) {
      for (float& w : filter_of(node)->weights.edit()) w = 0.75F - w;
      for (float& w : filter_of(node)->bias.edit()) w += 0.125F;
    }
    const std::vector<float> input = float_input(network, seed);
    // In float, and in integers whose scales and zero points stay.
    for (const bool in_integers : {false, true}) {
      Graph from = network;
      Graph to = other;
      if (in_integers) {
        from = testing::quantize(network).graph;
        to = from;
        for (Node& node : to.nodes) {
          Filter* filter = filter_of(node);
          if (filter == nullptr) continue;
          for (std::int8_t& w : filter->quantized->weights.edit()) w = static_cast<std::int8_t>(-w);
          for (float& scale : filter->quantized->scales) scale *= 1.25F;
          for (std::int32_t& bias : filter->quantized->bias) bias += 11;
        }
      }
      FloatExecutor executor = FloatExecutor::create(from).value();
      FloatExecutor fresh = FloatExecutor::create(to).value();
      const std::vector<float> before = run_whole(executor, from, input);
      CHECK_FALSE(same_bytes(before, run_whole(fresh, to, input)));
      for (std::size_t n = 0; n < to.nodes.size(); ++n) {
        if (const Filter* filter = filter_of(to.nodes[n])) executor.replace(n, *filter).value();
      }
      CHECK(same_bytes(run_whole(executor, from, input), run_whole(fresh, to, input)));
      for (std::size_t n = 0; n < to.nodes.size(); ++n) {
        if (const Filter* filter = filter_of(from.nodes[n])) executor.replace(n, *filter).value();
      }
      CHECK(same_bytes(run_whole(executor, from, input), before));
    }
  }
}

TEST_CASE("replaced integers may need more partial sums than those before, or fewer") {
  GraphBuilder b(testing::seed(), {4, 4, 300});
  const Graph network = testing::quantize(b.finish(b.convolution("conv", b.input(), 3, window(3, 1, 1)))).graph;
  Graph large = network;
  const std::size_t layer = 1;
  std::vector<std::int8_t>& weights = filter_of(large.nodes[layer])->quantized->weights.edit();
  std::fill(weights.begin(), weights.end(), std::int8_t{127});
  FloatExecutor executor = FloatExecutor::create(network).value();
  FloatExecutor fresh = FloatExecutor::create(large).value();
  const std::vector<float> input(4 * 4 * 300, 1.75F);
  const std::vector<float> before = run_whole(executor, network, input);
  executor.replace(layer, *filter_of(large.nodes[layer])).value();
  CHECK(same_bytes(run_whole(executor, network, input), run_whole(fresh, large, input)));
  executor.replace(layer, *filter_of(network.nodes[layer])).value();
  CHECK(same_bytes(run_whole(executor, network, input), before));
}

TEST_CASE("what does not fit the executor is refused and changes nothing") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = b.convolution("x", b.input(), 2);
  const Graph network = b.finish(b.clamp("y", x, GraphBuilder::kRelu));
  const Graph quantized = testing::quantize(network).graph;
  const std::vector<float> input = float_input(network, 1);

  FloatExecutor executor = FloatExecutor::create(network).value();
  const std::vector<float> before = run_whole(executor, network, input);
  Filter filter = *filter_of(network.nodes[0]);
  CHECK(executor.replace(1, filter).error().where == "node");
  CHECK(executor.replace(7, filter).error().where == "node");
  CHECK(executor.replace(0, *filter_of(quantized.nodes[1])).error().where == "x");
  filter.bias.edit().pop_back();
  CHECK(executor.replace(0, filter).error().where == "x");
  CHECK(same_bytes(run_whole(executor, network, input), before));
  FloatExecutor integers = FloatExecutor::create(quantized).value();
  CHECK(integers.replace(1, *filter_of(network.nodes[0])).error().where == "x");
  Filter wide = *filter_of(quantized.nodes[1]);
  wide.quantized->range = {-1, 1};
  CHECK(integers.replace(1, wide).error().where == "x");

  const Feed feed{network.input, input};
  const Feed other{x, input};
  CHECK(executor.run(std::vector<Feed>{}).error().where == "input");
  CHECK(executor.run(std::vector<Feed>{other}).error().where == "input");
  CHECK(executor.run(std::vector<Feed>{feed, other}).error().where == "feeds");
  CHECK(executor.run(std::vector<Feed>{{network.input, std::span(input).first(3)}}).error().where == "input");
  CHECK(executor.run(std::vector<Feed>{feed}).ok());
  FloatExecutor first = FloatExecutor::create(network, {.nodes = {0, 1}}).value();
  std::vector<float> output(32);
  CHECK(first.run(input, output).error().where == "y");

  CHECK(FloatExecutor::create(network, {.nodes = {2, 1}}).error().where == "nodes");
  CHECK(FloatExecutor::create(network, {.nodes = {3}}).error().where == "nodes");
  CHECK(FloatExecutor::create(network, {.keep = {99}}).error().where == "keep");
  CHECK(FloatExecutor::create(network, {.nodes = {0, 1}, .keep = {network.output}}).error().where == "y");
}

}  // namespace narrow::graph
