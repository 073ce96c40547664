// Small ONNX models as plain structs, lowered and run on the reference evaluator of graphs.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/lower/lower_model.h"
#include "importers/onnx/read/model.h"
#include "tests/importers/onnx/builder.h"

namespace narrow::testing {

// OnnxNetwork().input("x", {1, 3, 8, 8}).node("Relu", {"x"}, {"y"}).output("y"). Nodes are named n0, n1, ...
class OnnxNetwork {
 public:
  explicit OnnxNetwork(std::int64_t opset = 13);
  OnnxNetwork& input(const std::string& name, const OnnxDims& dims,
                     onnx::ElementType type = onnx::ElementType::kFloat32);
  OnnxNetwork& output(const std::string& name);
  OnnxNetwork& constant(const std::string& name, onnx::Tensor tensor);
  // Of ONNX's own domain, or "com.microsoft.QLinearAdd".
  OnnxNetwork& node(const std::string& op_type, std::vector<std::string> inputs, std::vector<std::string> outputs,
                    std::vector<onnx::Attribute> attributes = {});

  onnx::Model model;
};

// Nothing has a batch; tensors enter and leave in ONNX's row-major order.
inline const onnx::LowerOptions kAsItIs = [] {
  onnx::LowerOptions options;
  options.batched = false;
  return options;
}();

[[nodiscard]] graph::Graph lower_network(const OnnxNetwork& network, const onnx::LowerOptions& options = {});
[[nodiscard]] std::vector<std::string> log_of(const OnnxNetwork& network, const onnx::LowerOptions& options = {});
// Code and text of the error; the test fails if there is none.
[[nodiscard]] Error lowering_error(const OnnxNetwork& network, const onnx::LowerOptions& options = {});

// The scores for one input, both in the graph's order.
[[nodiscard]] std::vector<double> run_network(const OnnxNetwork& network, const std::vector<double>& input,
                                              const onnx::LowerOptions& options = {});

// Names of the graph's operators, in order: "Convolution Activation Linear".
[[nodiscard]] std::string ops_of(const graph::Graph& graph);
[[nodiscard]] std::string ops_of(const OnnxNetwork& network, const onnx::LowerOptions& options = {});

// The first node with this operator; the test fails if there is none.
template <class Op>
const graph::Node& node_with(const graph::Graph& graph) {
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                 [](const graph::Node& n) { return std::holds_alternative<Op>(n.op); });
  if (node == graph.nodes.end()) throw std::runtime_error("the graph has no such operator");
  return *node;
}

[[nodiscard]] std::vector<double> iota(std::int64_t count, double first = 0);
// Small integers, so that sums are exact.
[[nodiscard]] std::vector<float> small_integers(std::int64_t count, unsigned seed);
[[nodiscard]] std::vector<double> as_doubles(const std::vector<float>& values);
[[nodiscard]] bool contains(const std::string& text, const std::string& part);

}  // namespace narrow::testing
