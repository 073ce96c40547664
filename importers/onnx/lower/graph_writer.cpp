#include "importers/onnx/lower/graph_writer.h"

#include <utility>

#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/node_error.h"

namespace narrow::onnx {

namespace {

// The floats that a node holds, or the indices.
std::int64_t parameters_of(const graph::Op& op) {
  std::size_t count = 0;
  if (const auto* convolution = std::get_if<graph::Convolution>(&op)) {
    count = convolution->filter.weights.size();
  } else if (const auto* linear = std::get_if<graph::Linear>(&op)) {
    count = linear->filter.weights.size();
  } else if (const auto* norm = std::get_if<graph::BatchNorm>(&op)) {
    count = 4 * norm->gamma.size();
  } else if (const auto* function = std::get_if<graph::Function>(&op)) {
    count = function->slopes.size();
  } else if (const auto* layer_norm = std::get_if<graph::LayerNorm>(&op)) {
    count = 2 * layer_norm->scale.size();
  } else if (const auto* gather = std::get_if<graph::Gather>(&op)) {
    count = gather->indices.size();
  }
  return static_cast<std::int64_t>(count);
}

}  // namespace

graph::ValueId GraphWriter::add_input(const std::string& name, const TensorShape& shape) {
  graph_.input = graph_.add_value(printable_name(name), shape);
  value_names_.take(graph_.value(graph_.input).name);
  return graph_.input;
}

Result<graph::ValueId> GraphWriter::append(const Node& node, graph::Op op, std::vector<graph::ValueId> inputs,
                                           Clamp clamp, std::string_view suffix) {
  const bool lossless = graph::is_lossless(op);
  const graph::ValueId first = inputs.empty() ? graph::kNoValue : inputs[0];
  if (graph_.nodes.size() >= graph::kMaxNodes) {
    return node_error(node, ErrorCode::kLimit,
                      "the network has more than " + std::to_string(graph::kMaxNodes) + " nodes");
  }
  if (const Status spent = budget_.spend_parameters(parameters_of(op)); !spent.ok()) {
    return node_error(node, spent.error().code, spent.error().message);
  }
  std::vector<TensorShape> shapes;
  shapes.reserve(inputs.size());
  for (const graph::ValueId id : inputs) shapes.push_back(shape(id));
  const auto inferred = graph::infer_shape(op, shapes);
  if (!inferred.ok()) return node_error(node, inferred.error().code, inferred.error().message);
  // Not by Graph::add_node(), which searches all names each time.
  std::string name = node_names_.with_number(printable_name(node.name) + std::string(suffix));
  const auto added = static_cast<graph::ValueId>(graph_.values.size());
  graph_.values.push_back({value_names_.with_number(name), *inferred, std::nullopt});
  graph_.nodes.push_back({std::move(name), std::move(op), std::move(inputs), added, clamp});
  producers_[added] = graph_.nodes.size() - 1;
  if (lossless) graph_.value(added).quantization = graph_.value(first).quantization;
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
