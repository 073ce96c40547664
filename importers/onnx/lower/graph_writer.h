// Builds the graph of a model that is lowered.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/unique_names.h"
#include "graph/ir.h"
#include "importers/onnx/fold/budget.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

class GraphWriter {
 public:
  // `budget` must outlive this.
  explicit GraphWriter(Budget& budget) : budget_(budget) {}

  // Adds the network's input.
  graph::ValueId add_input(const std::string& name, const TensorShape& shape);
  // Appends a node with the name of `node` and a suffix. Lossless operators keep the quantization of their input.
  // Errors: the inputs do not fit the operator; the network has too many nodes or parameters (kLimit).
  Result<graph::ValueId> append(const Node& node, graph::Op op, std::vector<graph::ValueId> inputs, Clamp clamp = {},
                                std::string_view suffix = {});
  // Returns the float32 value of a uint8 value. There is one Dequantize for each value.
  Result<graph::ValueId> dequantize(const Node& node, graph::ValueId id);
  void set_quantization(graph::ValueId id, const Quantization& quantization);
  void set_output(graph::ValueId id) { graph_.output = id; }

  [[nodiscard]] const TensorShape& shape(graph::ValueId id) const { return graph_.value(id).shape; }
  [[nodiscard]] const TensorShape& shape(const View& view) const { return shape(view.value); }
  // Precondition: the value is uint8.
  [[nodiscard]] const Quantization& quantization(graph::ValueId id) const { return *graph_.value(id).quantization; }
  // The node that computes a value; nullptr for the network's input. Valid until the next node is added.
  [[nodiscard]] const graph::Node* producer(graph::ValueId id) const;

  // Returns the finished graph.
  [[nodiscard]] graph::Graph take() && { return std::move(graph_); }

 private:
  Budget& budget_;
  graph::Graph graph_;
  base::UniqueNames node_names_;
  base::UniqueNames value_names_;
  std::unordered_map<graph::ValueId, std::size_t> producers_;
  std::unordered_map<graph::ValueId, graph::ValueId> dequantized_;
};

}  // namespace narrow::onnx
