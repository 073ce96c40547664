// Simulated quantization equals the integer network, bit for bit.
#include "floating/simulation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "floating/float_executor.h"
#include "graph/function.h"
#include "tests/floating/check_float_executor.h"
#include "tests/floating/check_simulation.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::graph {
namespace {

using testing::check_equals_engine;
using testing::check_laid_over_equals_built;
using testing::float_input;
using testing::GraphBuilder;
using testing::run_whole;
using testing::same_bytes;
using testing::window;
using Quantizations = ValueMap<std::optional<Quantization>>;

QuantizeOptions bits(int weights, int activations, BoundaryLayers boundary = BoundaryLayers::kBits) {
  QuantizeOptions options;
  options.weight_bits = weights;
  options.activation_bits = activations;
  options.boundary_layers = boundary;
  return options;
}

// Widths and ends as the seed says.
QuantizeOptions some_options(unsigned seed) {
  QuantizeOptions options = bits(2 + static_cast<int>(seed % 7), 2 + static_cast<int>(seed / 7 % 7),
                                 seed % 3 == 0 ? BoundaryLayers::kOff : BoundaryLayers::kBits);
  options.per_tensor_weights = seed % 5 == 0;
  return options;
}

void check_both(const Graph& network, const QuantizeOptions& options, unsigned seed) {
  const std::vector<float> input = float_input(network, seed);
  check_equals_engine(testing::quantize(network, options).graph, input);
  check_laid_over_equals_built(network, options, input);
}

// A layer on integers between a Quantize and, for an integer output, a Dequantize.
struct OneLayer {
  Graph graph;
  std::size_t layer = 1;  // node index
};

OneLayer one_layer(const TensorShape& shape, Op op, QuantizedFilter filter, const Quantization& input,
                   const std::optional<Quantization>& output) {
  OneLayer one;
  Graph& g = one.graph;
  g.input = g.add_value("input", shape);
  const ValueId q = g.add_node("q", Quantize{}, {g.input}).value();
  g.value(q).quantization = input;
  Node node;
  node.op = std::move(op);
  filter_of(node)->quantized = std::move(filter);
  g.output = g.add_node("layer", node.op, {q}).value();
  g.value(g.output).quantization = output;
  if (output) g.output = g.add_node("d", Dequantize{}, {g.output}).value();
  validate(g).value();
  return one;
}

// Weights of either sign, whose largest sums are what the input's range and `largest` allow.
QuantizedFilter extreme_filter(std::size_t channels, std::size_t depth, int largest) {
  QuantizedFilter filter;
  filter.range = {-largest, largest};
  std::vector<std::int8_t>& weights = filter.weights.edit();
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < depth; ++i) {
      // One channel of the largest weights, one of the smallest, the others mixed, with odd sums.
      const int mixed = static_cast<int>((i * 7919 + c * 104729) % static_cast<std::size_t>(2 * largest + 1)) - largest;
      weights.push_back(static_cast<std::int8_t>(c == 0 ? largest : c == 1 ? -largest : mixed));
    }
    filter.scales.push_back(std::ldexp(1.0F + static_cast<float>(c) / 7, -18));
    filter.bias.push_back(static_cast<std::int32_t>(c * 12345) - 20000);
  }
  return filter;
}

std::vector<float> pattern(std::size_t count, float lo, float hi) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = i % 5 == 3 ? lo : hi - static_cast<float>(i % 3) * (hi - lo) / 255;
  return values;
}

}  // namespace

TEST_CASE("an integer network gives every value as the engine does, whatever the network") {
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    const Graph network = testing::random_quantizable(seed);
    check_equals_engine(testing::quantize(network, some_options(seed)).graph, float_input(network, seed));
  }
}

TEST_CASE("decisions laid over a float network give every value as the network built of them, whatever the network") {
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    const Graph network = testing::random_quantizable(seed);
    check_laid_over_equals_built(network, some_options(seed), float_input(network, seed));
  }
}

TEST_CASE("a pre-quantized network gives every value as the engine does") {
  for (unsigned i = 0; i < 20; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    GraphBuilder b(seed, {6, 6, 4});
    const Quantization q{0.0625F, 100, {0, 255}};
    ValueId x = testing::qdq(b, "in", b.input(), q);
    x = testing::pre_quantized_convolution(b, "c", x, 6, {-7, 7}, 0.0625F, window(3, 1, 1), 1, GraphBuilder::kRelu6);
    x = testing::qdq(b, "cq", x, {0.031F, 3, {0, 255}});
    const ValueId y = b.clamp("act", x, {0.25F, 3.0F});
    x = b.node("sum", Add{}, {testing::qdq(b, "aq", y, {0.05F, 7, {0, 200}}), x}, GraphBuilder::kRelu);
    x = testing::qdq(b, "sq", x, {0.07F, 0, {0, 255}});
    x = testing::qdq(b, "pq", b.node("pool", MaxPool{window(2, 2)}, {x}), {0.07F, 0, {0, 255}});
    const Graph network = b.finish(b.linear("fc", x, 5));
    check_equals_engine(testing::quantize(network).graph, float_input(network, seed));
  }
}

TEST_CASE("residual sums that are rounded once are simulated exactly") {
  for (unsigned i = 0; i < 12; ++i) {
    const unsigned seed = testing::seed() + i;
    CAPTURE(seed);
    GraphBuilder b(seed, {7, 6, 3});
    const ValueId stem = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
    const ValueId branch = b.convolution("branch", stem, 8, window(3, 1, 1), 1, GraphBuilder::kRelu6);
    const ValueId c = b.convolution("c", branch, 8, window(3, 1, 1));
    const ValueId sum = b.node("sum", Add{}, i % 2 == 0 ? std::vector{c, stem} : std::vector{stem, c},
                               i % 3 == 0 ? Clamp{} : GraphBuilder::kRelu);
    const ValueId first = b.convolution("first", sum, 5, window(1, 2));
    const ValueId second = b.convolution("second", sum, 5, window(3, 2, 1));
    const Graph network = b.finish(b.linear("fc", b.node("both", Add{}, {first, second}), 4));
    QuantizeOptions options;
    options.residual_sums = ResidualSums::kOnce;
    options.weight_bits = options.activation_bits = 2 + static_cast<int>(i % 7);
    const Graph quantized = testing::quantize(network, options).graph;
    const auto sums = std::count_if(quantized.nodes.begin(), quantized.nodes.end(),
                                    [&](const Node& node) { return summed_input(quantized, node).has_value(); });
    REQUIRE(sums == 2);
    check_equals_engine(quantized, float_input(network, seed));
    check_laid_over_equals_built(network, options, float_input(network, seed));
  }
}

TEST_CASE("layers of every shape are simulated exactly") {
  struct Case {
    int in, out, groups, kernel, stride, pad, dilation;
  };
  unsigned seed = testing::seed();
  for (const Case& c : std::vector<Case>{{3, 16, 1, 3, 1, 1, 1},
                                         {5, 7, 1, 1, 1, 0, 1},
                                         {1, 1, 1, 5, 2, 2, 1},
                                         {12, 8, 4, 3, 1, 1, 2},
                                         {16, 16, 16, 3, 2, 1, 1},
                                         {3, 6, 3, 3, 1, 0, 1},
                                         {70, 33, 1, 3, 1, 1, 1}}) {
    for (const Clamp& clamp : {Clamp{}, GraphBuilder::kRelu, Clamp{-0.5F, 0.75F}}) {
      CAPTURE(c.in);
      CAPTURE(c.groups);
      GraphBuilder b(++seed, {7, 9, c.in});
      Window w = window(c.kernel, c.stride, c.pad);
      w.dilation_h = w.dilation_w = c.dilation;
      const ValueId x = b.convolution("conv", b.input(), c.out, w, c.groups, clamp);
      check_both(b.finish(b.linear("fc", x, 9)), some_options(seed), seed);
    }
  }
}

TEST_CASE("averages, joins and functions of many channels are simulated exactly") {
  unsigned seed = testing::seed();
  for (const int channels : {1, 63, 64, 65, 130}) {
    CAPTURE(channels);
    GraphBuilder b(++seed, {6, 5, 3});
    ValueId x = b.convolution("stem", b.input(), channels, window(3, 1, 1));
    x = b.node("average", AveragePool{window(3, 2, 1), seed % 2 == 0}, {x});
    const ValueId gate = b.function("gate", b.node("gap", GlobalAveragePool{}, {x}), FunctionKind::kSigmoid);
    const ValueId column = b.node("column", Slice{{0, 0, 0}, {3, 1, 1}}, {x});
    x = b.node("product", Multiply{}, {gate, x});
    x = b.node("difference", Subtract{}, {column, x});
    x = b.node("concat", Concat{}, {x, b.function("slopes", x, FunctionKind::kPRelu), x});
    check_both(b.finish(b.linear("fc", x, 4)), some_options(seed), seed);
  }
}

TEST_CASE("operators that stay in float are simulated as the engine computes them") {
  unsigned seed = testing::seed();
  for (int i = 0; i < 10; ++i) {
    GraphBuilder b(++seed, {6, 5, 3});
    ValueId x = b.convolution("stem", b.input(), 8, window(3, 1, 1), 1, GraphBuilder::kRelu);
    // Read in float and in integers, both as the input and after a layer.
    const ValueId stem_norm = b.node("stem_norm", Lrn{5, 0.5F, 0.75F, 1.5F}, {x});
    const ValueId input_norm = b.node("input_norm", Lrn{3, 0.5F, 0.6F, 1.5F}, {b.input()});
    x = b.node("concat", Concat{}, {x, stem_norm, input_norm});
    x = b.convolution("head", x, 6, window(3, 1, 1));
    // The output is also read by integers.
    check_both(b.finish(b.node("softmax", Softmax{}, {b.linear("fc", x, 4)})), some_options(seed), seed);
  }
}

TEST_CASE("results between two levels are rounded as the engine does it") {
  // Decimal scales have ratios such as 0.5 and 1.5, so that many results lie halfway between two levels, or would with
  // one rounding more or less.
  const std::vector<float> scales = {0.01F, 0.02F, 0.03F, 0.05F, 0.06F, 0.07F, 0.1F, 0.15F, 0.2F, 0.3F, 0.35F, 0.7F};
  std::mt19937 generator(testing::seed());
  const auto scale = [&] { return scales[generator() % scales.size()]; };
  const auto grid = [&](float s) {
    const int zero_point = static_cast<int>(generator() % 256);
    return Quantization{s, zero_point, {0, 255}};
  };
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    GraphBuilder b(1, {32, 32, 2});
    const ValueId first = b.node("first", Slice{{0, 0, 0}, {32, 32, 1}}, {b.input()});
    const ValueId second = b.node("second", Slice{{0, 0, 1}, {32, 32, 1}}, {b.input()});
    const Quantization of_a = grid(scale());
    const Quantization of_b = grid(scale());
    const ValueId a = b.quantize("a", first, of_a);
    const ValueId c = b.quantize("b", second, of_b);
    std::vector<ValueId> results;
    std::vector<Quantization> grids;
    const auto result = [&](const std::string& name, Op op, const std::vector<ValueId>& inputs, float s) {
      results.push_back(b.node(name, std::move(op), inputs));
      grids.push_back(grid(s));
    };
    result("add", Add{}, {a, c}, scale());
    result("subtract", Subtract{}, {a, c}, scale());
    result("multiply", Multiply{}, {a, c}, 10 * scale());
    result("activation", Activation{}, {a}, scale());
    Window of_five;
    of_five.kernel_h = 5;
    of_five.pad = Padding{2, 0, 2, 0};
    result("average", AveragePool{of_five, false}, {a}, scale());
    result("average_padded", AveragePool{of_five, true}, {c}, scale());
    result("gap", GlobalAveragePool{}, {a}, scale() / 20);
    Function slopes;
    slopes.kind = FunctionKind::kLeakyRelu;
    slopes.alpha = 0.3F;
    const Quantization of_function = grid(scale());
    slopes.table = make_table(slopes, of_a, of_function);
    result("function", slopes, {a}, scale());
    grids.back() = of_function;
    Convolution conv;
    conv.out_channels = 4;
    conv.filter.quantized = QuantizedFilter{
        {-127, 127}, std::vector<std::int8_t>{1, 3, -5, 127}, {scale(), scale(), scale(), scale()}, {0, 1, -7, 1000}};
    result("conv", conv, {a}, scale());
    result("concat", Concat{}, {a, c}, scale());
    ValueId sum = b.node("split", Slice{{0, 0, 1}, {32, 32, 1}}, {results.back()});
    sum = b.node("last", Dequantize{}, {sum});
    for (std::size_t i = 0; i + 1 < results.size(); ++i) {
      const ValueId real = b.node("d" + std::to_string(i), Dequantize{}, {results[i]});
      sum = b.node("s" + std::to_string(i), Add{}, {sum, real});
    }
    Graph graph = b.finish(sum);
    for (std::size_t i = 0; i < results.size(); ++i) graph.value(results[i]).quantization = grids[i];
    const auto split =
        std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.name == "split"; });
    graph.value(split->output).quantization = grids.back();
    validate(graph).value();
    std::vector<float> input(32 * 32 * 2);
    for (std::size_t i = 0; i < input.size(); ++i) {
      const Quantization& q = i % 2 == 0 ? of_a : of_b;
      input[i] = q.scale * static_cast<float>(static_cast<int>(generator() % 256) - q.zero_point);
    }
    check_equals_engine(graph, input);
  }
}

TEST_CASE("sums beyond the integers of single precision are exact") {
  const Quantization input{0.01F, 0, {0, 255}};
  const Quantization skewed{0.01F, 130, {0, 255}};
  for (const Quantization& in : {input, skewed}) {
    for (const std::optional<Quantization>& out :
         {std::optional<Quantization>(), std::optional<Quantization>({0.5F, 120, {3, 250}})}) {
      Convolution conv;
      conv.window = window(3, 1, 1);
      conv.out_channels = 5;
      const OneLayer one = one_layer({4, 4, 300}, conv, extreme_filter(5, 2700, 127), in, out);
      check_equals_engine(one.graph, pattern(4 * 4 * 300, -1.3F, 2.55F));
      // One channel and a window so large that its sums leave single precision.
      conv.window = window(40);
      conv.out_channels = 4;
      const OneLayer large = one_layer({42, 41, 1}, conv, extreme_filter(4, 1600, 127), in, out);
      check_equals_engine(large.graph, pattern(42 * 41, -1.3F, 2.55F));
      Linear linear;
      linear.out_features = 6;
      const OneLayer flat = one_layer({5, 5, 200}, linear, extreme_filter(6, 5000, 127), in, out);
      check_equals_engine(flat.graph, pattern(5000, -1.3F, 2.55F));
    }
  }
}

TEST_CASE("a sum of single precision is not enough for the sums that are tested") {
  // Otherwise the test above could not fail.
  const QuantizedFilter filter = extreme_filter(5, 2700, 127);
  float single = 0;
  std::int64_t exact = 0;
  for (std::size_t i = 0; i < 2700; ++i) {
    const int level = 255 - static_cast<int>(i % 3);
    single += static_cast<float>(level * filter.weights[i]);
    exact += level * filter.weights[i];
  }
  CHECK(exact > (1 << 24));
  CHECK(static_cast<std::int64_t>(single) != exact);
}

TEST_CASE("a partial simulation rounds only what it names") {
  GraphBuilder b(testing::seed(), {6, 6, 3});
  const ValueId x = b.convolution("x", b.input(), 4, window(3, 1, 1));
  const ValueId y = b.convolution("y", x, 4, window(3, 1, 1));
  const Graph network = b.finish(b.node("sum", Add{}, {x, y}));
  const Quantization coarse{0.25F, 8, {0, 15}};
  Simulation simulation;
  simulation.values = Quantizations(static_cast<std::size_t>(x) + 1);
  simulation.values[x] = coarse;
  FloatExecutor plain = FloatExecutor::create(network, {.keep = {x, y}}).value();
  FloatExecutor rounded = FloatExecutor::create(network, {.simulate = &simulation, .keep = {x, y}}).value();
  const std::vector<float> input = float_input(network, 1);
  const std::vector<float> sum = run_whole(rounded, network, input);
  CHECK_FALSE(same_bytes(run_whole(plain, network, input), sum));
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const float level = rounded.value(x)[i] / coarse.scale;
    CHECK(level == std::nearbyint(level));
    CHECK(std::abs(rounded.value(x)[i]) <= 2.0F);
    CHECK(sum[i] == rounded.value(x)[i] + rounded.value(y)[i]);
  }
  // The rounded tensor is what the next layer reads.
  FloatExecutor rest = FloatExecutor::create(network, {.nodes = {1, 3}}).value();
  const Feed feed{x, rounded.value(x)};
  rest.run({&feed, 1}).value();
  CHECK(same_bytes(sum, {rest.value(network.output).begin(), rest.value(network.output).end()}));
}

TEST_CASE("a node that stays in float reads what was written, and its result is rounded for the others") {
  GraphBuilder b(testing::seed(), {5, 4, 3});
  const ValueId x = b.convolution("x", b.input(), 3);              // node 0
  const ValueId sum = b.node("sum", Add{}, {x, b.input()});        // node 1
  const ValueId clamped = b.clamp("y", sum, GraphBuilder::kRelu);  // node 2
  const Graph network = b.finish(b.node("z", Multiply{}, {clamped, sum}));
  const Quantization q{0.25F, 8, {0, 15}};
  Simulation simulation;
  simulation.values = Quantizations(network.values.size(), q);
  simulation.in_float = {false, true, false, true};
  FloatExecutor plain = FloatExecutor::create(network, {.keep = {sum}}).value();
  FloatExecutor executor = FloatExecutor::create(network, {.simulate = &simulation, .keep = {x, sum, clamped}}).value();
  const std::vector<float> input = float_input(network, 1);
  (void)run_whole(plain, network, input);
  const std::vector<float> output = run_whole(executor, network, input);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    CHECK(executor.as_written(sum)[i] == executor.as_written(x)[i] + input[i]);
    CHECK(std::abs(executor.value(sum)[i] - std::clamp(executor.as_written(sum)[i], -2.0F, 1.75F)) <= 0.125F);
    CHECK(executor.value(clamped)[i] == std::max(executor.value(sum)[i], 0.0F));
    CHECK(output[i] == executor.value(clamped)[i] * executor.as_written(sum)[i]);
    differ += executor.value(sum)[i] != executor.as_written(sum)[i] ? 1 : 0;
  }
  CHECK(differ > 0);
}

TEST_CASE("simulations side by side give the same bits as one alone") {
  const unsigned seed = testing::seed();
  GraphBuilder b(seed, {16, 16, 3});
  ValueId x = b.convolution("a", b.input(), 16, window(3, 1, 1), 1, GraphBuilder::kRelu);
  x = b.node("sum", Add{}, {x, b.convolution("b", x, 16, window(3, 1, 1))}, GraphBuilder::kRelu);
  const Graph network = testing::quantize(b.finish(b.linear("fc", x, 10))).graph;
  const std::vector<float> input = float_input(network, seed);
  const auto run = [&](int threads) {
    FloatExecutor executor = FloatExecutor::create(network, threads).value();
    std::vector<float> output;
    for (int i = 0; i < 10; ++i) output = run_whole(executor, network, input);
    return output;
  };
  const std::vector<float> alone = run(1);
  std::vector<std::vector<float>> results(4);
  {
    std::vector<std::jthread> pool;
    for (auto& result : results) pool.emplace_back([&] { result = run(1); });
  }
  for (const auto& result : results) CHECK(same_bytes(result, alone));
  // Integers do not even depend on the order of addition.
  CHECK(same_bytes(run(2), alone));
}

TEST_CASE("a simulation that does not fit the network is refused") {
  GraphBuilder b(testing::seed(), {4, 4, 3});
  const ValueId x = b.convolution("x", b.input(), 2);
  const Graph network = b.finish(b.clamp("y", x, GraphBuilder::kRelu));
  const auto error = [&](const Simulation& simulation) {
    return FloatExecutor::create(network, {.simulate = &simulation}).error();
  };
  const QuantizedFilter filter{{-1, 1}, std::vector<std::int8_t>(6, 1), {0.5F, 0.5F}, {0, 0}};
  const Quantization good{0.1F, 3, {0, 255}};

  Simulation simulation;
  simulation.values = Quantizations(1, Quantization{0.1F, 300, {0, 255}});
  CHECK(error(simulation).where == "input");
  simulation.values = Quantizations(network.values.size() + 1, good);
  CHECK(error(simulation).where == "simulation");
  simulation.values = Quantizations(1, good);
  simulation.filters = {filter};
  CHECK(FloatExecutor::create(network, {.simulate = &simulation}).ok());
  simulation.filters[0]->weights.edit().pop_back();
  CHECK(error(simulation).where == "x");
  simulation.filters = {std::nullopt, filter};
  CHECK(error(simulation).where == "simulation");
  // Integer weights need an input in integers.
  simulation.values = {};
  simulation.filters = {filter};
  CHECK(error(simulation).where == "x");
}

}  // namespace narrow::graph
