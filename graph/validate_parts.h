// The parts of validate(), for its own files and for passes that check a node they make.
#pragma once

#include "base/text.h"
#include "graph/ir.h"

namespace narrow::graph {

// An error with the message "Convolution 'conv1': message", where = the node's name.
[[nodiscard]] Error node_error(const Node& node, ErrorCode code, base::Pieces message);

// Checks the names of values and nodes: unique, not empty, printable UTF-8.
[[nodiscard]] Status check_names(const Graph& graph);

// Checks scale, zero point and range of a uint8 value.
[[nodiscard]] Status check_quantization(const Value& value);

// Checks the element types of a node's values and, for quantized nodes, weights, multipliers and accumulator depth.
// Preconditions: the node's shapes and the quantization of its values have been checked.
[[nodiscard]] Status check_types(const Graph& graph, const Node& node);

// The sizes of a node's filter, checked for overflow and limits.
struct FilterSize {
  std::int64_t out_channels = 0;
  std::int64_t depth = 0;
  [[nodiscard]] std::int64_t weights() const { return out_channels * depth; }
};
[[nodiscard]] Result<FilterSize> filter_size(const Graph& graph, const Node& node);

}  // namespace narrow::graph
