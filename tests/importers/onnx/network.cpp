#include "tests/importers/onnx/network.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

#include "tests/support/graph/naive_evaluator.h"

namespace narrow::testing {

OnnxNetwork::OnnxNetwork(std::int64_t opset) { model.opsets = {{"", opset}, {"com.microsoft", 1}}; }

OnnxNetwork& OnnxNetwork::input(const std::string& name, const OnnxDims& dims, onnx::ElementType type) {
  model.inputs.push_back({name, type, dims});
  return *this;
}

OnnxNetwork& OnnxNetwork::output(const std::string& name) {
  model.outputs.push_back({name, onnx::ElementType::kFloat32, {}});
  return *this;
}

OnnxNetwork& OnnxNetwork::constant(const std::string& name, onnx::Tensor tensor) {
  model.constants[name] = std::move(tensor);
  return *this;
}

OnnxNetwork& OnnxNetwork::node(const std::string& op_type, std::vector<std::string> inputs,
                               std::vector<std::string> outputs, std::vector<onnx::Attribute> attributes) {
  onnx::Node node;
  node.name = "n" + std::to_string(model.nodes.size());
  const std::size_t dot = op_type.rfind('.');
  node.op_type = dot == std::string::npos ? op_type : op_type.substr(dot + 1);
  node.domain = dot == std::string::npos ? "" : op_type.substr(0, dot);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.attributes = std::move(attributes);
  model.nodes.push_back(std::move(node));
  return *this;
}

graph::Graph lower_network(const OnnxNetwork& network, const onnx::LowerOptions& options) {
  auto lowered = onnx::lower_model(network.model, options);
  REQUIRE_MESSAGE(lowered.ok(), lowered.error().text());
  return std::move(lowered->graph);
}

std::vector<std::string> log_of(const OnnxNetwork& network, const onnx::LowerOptions& options) {
  auto lowered = onnx::lower_model(network.model, options);
  REQUIRE_MESSAGE(lowered.ok(), lowered.error().text());
  return std::move(lowered->log);
}

Error lowering_error(const OnnxNetwork& network, const onnx::LowerOptions& options) {
  auto lowered = onnx::lower_model(network.model, options);
  REQUIRE_FALSE(lowered.ok());
  return std::move(lowered).error();
}

std::vector<double> run_network(const OnnxNetwork& network, const std::vector<double>& input,
                                const onnx::LowerOptions& options) {
  const graph::Graph graph = lower_network(network, options);
  REQUIRE(graph.value(graph.input).shape.elems() == static_cast<std::int64_t>(input.size()));
  return evaluate(graph, input);
}

std::string ops_of(const graph::Graph& graph) {
  std::string text;
  for (const graph::Node& node : graph.nodes) text += (text.empty() ? "" : " ") + std::string(op_name(node.op));
  return text;
}

std::string ops_of(const OnnxNetwork& network, const onnx::LowerOptions& options) {
  return ops_of(lower_network(network, options));
}

std::vector<double> iota(std::int64_t count, double first) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

std::vector<float> small_integers(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> number(-4, 4);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(number(random)));
  return values;
}

std::vector<double> as_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace narrow::testing
