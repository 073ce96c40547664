#include "tests/engine/reference_interpreter.h"

#include <algorithm>

#include "tests/engine/reference_node.h"

namespace narrow::testing {

std::vector<float> interpret(const graph::Graph& graph, const std::vector<float>& image) {
  std::vector<Tensor> tensors(graph.values.size());
  tensors[static_cast<std::size_t>(graph.input)] = Tensor(image.begin(), image.end());
  for (const graph::Node& node : graph.nodes) {
    const ReferenceNode reference{graph, node, tensors};
    tensors[static_cast<std::size_t>(node.output)] =
        std::visit([&reference](const auto& op) { return evaluate(reference, op); }, node.op);
  }
  const Tensor& scores = tensors[static_cast<std::size_t>(graph.output)];
  std::vector<float> result(scores.size());
  std::transform(scores.begin(), scores.end(), result.begin(), [](double x) { return static_cast<float>(x); });
  return result;
}

}  // namespace narrow::testing
