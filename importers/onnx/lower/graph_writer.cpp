#include "importers/onnx/lower/graph_writer.h"

#include <utility>

#include "base/try.h"
#include "importers/onnx/lower/node_error.h"

namespace narrow::onnx {

graph::ValueId GraphWriter::add_input(const std::string& name, const TensorShape& shape) {
  graph_.input = graph_.add_value(printable_name(name), shape);
  return graph_.input;
}

Result<graph::ValueId> GraphWriter::append(const Node& node, graph::Op op, std::vector<graph::ValueId> inputs,
                                           Clamp clamp, std::string_view suffix) {
  const bool lossless = graph::is_lossless(op);
  const graph::ValueId first = inputs.empty() ? graph::kNoValue : inputs[0];
  auto added =
      graph_.add_node(printable_name(node.name) + std::string(suffix), std::move(op), std::move(inputs), clamp);
  if (!added.ok()) return node_error(node, added.error().code, added.error().message);
  producers_[*added] = graph_.nodes.size() - 1;
  if (lossless) graph_.value(*added).quantization = graph_.value(first).quantization;
  return added;
}

Result<graph::ValueId> GraphWriter::dequantize(const Node& node, graph::ValueId id) {
  const auto known = dequantized_.find(id);
  if (known != dequantized_.end()) return known->second;
  NARROW_ASSIGN(const graph::ValueId real, append(node, graph::Dequantize{}, {id}));
  dequantized_[id] = real;
  return real;
}

void GraphWriter::set_quantization(graph::ValueId id, const Quantization& quantization) {
  graph_.value(id).quantization = quantization;
}

const graph::Node* GraphWriter::producer(graph::ValueId id) const {
  const auto found = producers_.find(id);
  return found == producers_.end() ? nullptr : &graph_.nodes[found->second];
}

}  // namespace narrow::onnx
