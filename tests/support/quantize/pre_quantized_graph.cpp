#include "tests/support/quantize/pre_quantized_graph.h"

#include <algorithm>
#include <cmath>

#include "tests/support/graph/naive_evaluator.h"

namespace narrow::testing {

graph::ValueId qdq(GraphBuilder& b, const std::string& name, graph::ValueId x, const Quantization& quantization) {
  return b.node(name + ".dq", graph::Dequantize{}, {b.quantize(name, x, quantization)});
}

graph::ValueId pre_quantized_convolution(GraphBuilder& b, const std::string& name, graph::ValueId x, int out_channels,
                                         QRange integers, float input_scale, const graph::Window& window, int groups,
                                         Clamp clamp) {
  graph::Convolution op;
  op.window = window;
  op.groups = groups;
  op.out_channels = out_channels;
  const auto depth = static_cast<std::size_t>(window.kernel_h * window.kernel_w * (b.shape(x).channels / groups));
  graph::PreQuantizedWeights pre_quantized;
  std::uniform_int_distribution<int> integer(integers.lo, integers.hi);
  std::uniform_int_distribution<int> bias(-40, 40);
  for (int c = 0; c < out_channels; ++c) {
    pre_quantized.scales.push_back(std::ldexp(1.0F, -6 - c % 3));
    op.filter.bias.edit().push_back(static_cast<float>(bias(b.generator())) * input_scale *
                                    pre_quantized.scales.back());
    for (std::size_t i = 0; i < depth; ++i) {
      pre_quantized.integers.edit().push_back(static_cast<std::int8_t>(integer(b.generator())));
      if (c == 0 && i < 2)
        pre_quantized.integers.edit().back() = static_cast<std::int8_t>(i == 0 ? integers.lo : integers.hi);
      op.filter.weights.edit().push_back(static_cast<float>(pre_quantized.integers.back()) *
                                         pre_quantized.scales.back());
    }
  }
  op.filter.pre_quantized = std::move(pre_quantized);
  return b.node(name, std::move(op), {x}, clamp);
}

bool same_outputs(const graph::Graph& a, const graph::Graph& b) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    if (evaluate(a, random_input(a, seed)) != evaluate(b, random_input(a, seed))) return false;
  }
  return true;
}

std::vector<std::optional<graph::Observation>> observe(const graph::Graph& graph) {
  CalibrationInputs inputs;
  inputs.count = 8;
  inputs.fill = [&graph](std::size_t i, std::span<float> out) -> Status {
    const std::vector<double> values = random_input(graph, static_cast<unsigned>(i));
    std::transform(values.begin(), values.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    return {};
  };
  return graph::calibrate(graph, inputs, ObserverKind::kMinMax, 1, {}).value();
}

graph::QuantizedGraph quantize(const graph::Graph& graph, const QuantizeOptions& options) {
  graph::QuantizedGraph quantized = graph::quantize_graph(graph, observe(graph), options).value();
  graph::validate(quantized.graph).value();
  return quantized;
}

std::vector<std::string> node_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

std::vector<std::string> op_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes) names.emplace_back(graph::op_name(node.op));
  return names;
}

bool has_line(const std::vector<Event>& log, const std::string& part) {
  return std::any_of(log.begin(), log.end(),
                     [&](const Event& event) { return event.text.find(part) != std::string::npos; });
}

std::vector<std::string> float_nodes(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes) {
    if (std::holds_alternative<graph::Quantize>(node.op) || std::holds_alternative<graph::Dequantize>(node.op))
      continue;
    const bool reads_integers = std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
      return graph.value(id).quantization.has_value();
    });
    if (!reads_integers && !graph::summed_input(graph, node)) names.push_back(node.name);
  }
  return names;
}

}  // namespace narrow::testing
