#include "tests/floating/check_simulation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>

#include "engine/model/model_data.h"
#include "graph/liveness.h"
#include "narrow/session.h"
#include "quantize/bit_plan.h"
#include "quantize/build.h"
#include "quantize/methods.h"
#include "quantize/quantize_graph.h"
#include "quantize/simulate.h"
#include "rewrites/simplify.h"
#include "tests/floating/check_float_executor.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/graph/random_network.h"
#include "tests/support/quantize/pre_quantized_graph.h"

namespace narrow::testing {
namespace {

using graph::FloatExecutor;
using graph::Graph;
using graph::ValueId;

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

// A value as a session computes it.
std::vector<float> from_session(const Graph& quantized, ValueId id, const std::vector<float>& input) {
  engine::ModelData data;
  data.graph = quantized;
  Graph& g = data.graph;
  g.output = g.value(id).quantization ? g.add_node("last", graph::Dequantize{}, {id}).value() : id;
  remove_dead(g);
  const TensorShape& shape = g.value(g.input).shape;
  data.preprocessing.crop_height = static_cast<int>(shape.height);
  data.preprocessing.crop_width = static_cast<int>(shape.width);
  data.preprocessing.channels = shape.channels == 1 ? 1 : 3;
  const auto elems = static_cast<std::size_t>(g.value(g.output).shape.elems());
  const Model model(std::make_shared<const engine::ModelData>(std::move(data)));
  SessionOptions options;
  options.isa = "scalar";
  Session session = Session::create(model, options).value();
  std::vector<float> result(elems);
  session.run(input, result).value();
  return result;
}

// What quantize_graph() does, down to the decisions.
struct Quantized {
  graph::RepresentationPlan representations;
  graph::Decisions decisions;
  graph::BuiltGraph built;
};

Quantized quantized(const Graph& network, const QuantizeOptions& options) {
  const graph::Liveness live = find_live(network);
  const graph::BitPlan bits = plan_bits(network, live, options).value();
  Quantized result;
  result.representations = plan_representations(network, live, bits.in_float, bits.writes_float).value();
  const graph::ValueMap<int> producer = producers(network);
  const auto observations = observe(network);
  result.decisions =
      graph::decide({network, live, bits, result.representations, observations, options, producer}).value();
  result.built = build(network, live, result.representations, result.decisions).value();
  return result;
}

}  // namespace

Graph random_quantizable(unsigned seed) {
  while (true) {
    Graph network = RandomNetwork(seed++).build();
    (void)simplify(network).value();
    if (quantize_graph(network, observe(network), {}).ok()) return network;
  }
}

std::vector<float> float_input(const Graph& graph, unsigned seed) { return to_float(random_input(graph, seed)); }

std::vector<float> run_whole(FloatExecutor& executor, const Graph& graph, const std::vector<float>& input) {
  std::vector<float> output(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  executor.run(input, output).value();
  return output;
}

void check_equals_engine(const Graph& quantized, const std::vector<float>& input) {
  const graph::Liveness live = find_live(quantized);
  graph::ExecutorOptions options;
  for (std::size_t n = 0; n < quantized.nodes.size(); ++n) {
    if (live.nodes[n]) options.keep.push_back(quantized.nodes[n].output);
  }
  FloatExecutor executor = FloatExecutor::create(quantized, options).value();
  const std::vector<float> output = run_whole(executor, quantized, input);
  for (const ValueId id : options.keep) {
    CAPTURE(quantized.value(id).name);
    CHECK(same_bytes(copy(executor.value(id)), from_session(quantized, id, input)));
  }
  CHECK(same_bytes(output, from_session(quantized, quantized.output, input)));
}

void check_laid_over_equals_built(const Graph& network, const QuantizeOptions& options,
                                  const std::vector<float>& input) {
  const Quantized q = quantized(network, options);
  const graph::Simulation simulation = simulate(network, q.representations, q.decisions);
  graph::ExecutorOptions of_built;
  graph::ExecutorOptions of_network;
  of_network.simulate = &simulation;
  for (const graph::BuiltTensor& tensor : q.built.integers) {
    of_built.keep.push_back(tensor.id);
    of_network.keep.push_back(tensor.of);
  }
  FloatExecutor built = FloatExecutor::create(q.built.graph, of_built).value();
  FloatExecutor laid_over = FloatExecutor::create(network, of_network).value();
  CHECK(same_bytes(run_whole(laid_over, network, input), run_whole(built, q.built.graph, input)));
  for (const graph::BuiltTensor& tensor : q.built.integers) {
    CAPTURE(network.value(tensor.of).name);
    CHECK(same_bytes(copy(laid_over.value(tensor.of)), copy(built.value(tensor.id))));
  }
}

}  // namespace narrow::testing
