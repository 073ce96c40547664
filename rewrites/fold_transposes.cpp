#include "rewrites/fold_transposes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "graph/operators.h"

namespace narrow::graph {
namespace {

// Whether the operator treats all elements alike, whatever their order.
bool ignores_order(const Op& op) {
  if (const auto* function = std::get_if<Function>(&op)) return !row_of(function->kind).has_slopes;
  return moves_no_byte(op) || is<Activation>(op) || row_of(op).has(kConverts);
}

// The nodes from the producer of a Linear's input back to a Transpose, if each is the only reader of its input. Else
// empty.
std::vector<int> find_path(const Graph& graph, const Links& links, ValueId value) {
  std::vector<int> path;
  for (;;) {
    const int index = links.producer(value);
    if (index < 0 || !links.is_private(value)) return {};
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    path.push_back(index);
    if (is<Transpose>(node.op)) return path;
    if (!ignores_order(node.op)) return {};
    value = node.inputs[0];
  }
}

// For each element of the Transpose's input, its index in the output.
std::vector<std::size_t> destinations(const Transpose& op, const TensorShape& in, const TensorShape& out) {
  const std::array<std::int64_t, 3> strides{out.width * out.channels, out.channels, 1};
  std::array<std::int64_t, 3> stride_of_input{};
  for (std::size_t i = 0; i < 3; ++i) stride_of_input[static_cast<std::size_t>(op.order[i])] = strides[i];
  std::vector<std::size_t> result;
  result.reserve(static_cast<std::size_t>(in.elems()));
  for (std::int64_t y = 0; y < in.height; ++y) {
    for (std::int64_t x = 0; x < in.width; ++x) {
      for (std::int64_t c = 0; c < in.channels; ++c) {
        result.push_back(
            static_cast<std::size_t>(y * stride_of_input[0] + x * stride_of_input[1] + c * stride_of_input[2]));
      }
    }
  }
  return result;
}

// Reorders every row: element i becomes the former element from[i].
template <class Element>
void reorder_rows(std::vector<Element>& rows, const std::vector<std::size_t>& from) {
  std::vector<Element> row(from.size());
  for (std::size_t begin = 0; begin < rows.size(); begin += from.size()) {
    for (std::size_t i = 0; i < from.size(); ++i) row[i] = rows[begin + from[i]];
    std::copy(row.begin(), row.end(), rows.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

}  // namespace

PassLog fold_transposes(Graph& graph) {
  PassLog log;
  Links links(graph);
  for (Node& node : graph.nodes) {
    auto* linear = std::get_if<Linear>(&node.op);
    if (linear == nullptr || linear->filter.quantized) continue;
    const std::vector<int> path = find_path(graph, links, node.inputs[0]);
    if (path.empty()) continue;
    const Node& transpose = graph.nodes[static_cast<std::size_t>(path.back())];
    const TensorShape& in = graph.value(transpose.inputs[0]).shape;
    const std::vector<std::size_t> from =
        destinations(std::get<Transpose>(transpose.op), in, graph.value(transpose.output).shape);
    reorder_rows(linear->filter.weights.edit(), from);
    if (linear->filter.pre_quantized) reorder_rows(linear->filter.pre_quantized->integers.edit(), from);
    log.push_back({Event::Kind::kFolded, transpose.name, "folded " + describe(transpose) + " into " + describe(node)});
    links.bypass(path.back());
    for (std::size_t i = path.size() - 1; i-- > 0;) {
      const Node& between = graph.nodes[static_cast<std::size_t>(path[i])];
      // A Reshape has a shape of its own. The others now have the shape of their input.
      const auto shape = infer_shape(between.op, {graph.value(between.inputs[0]).shape});
      if (shape.ok()) graph.value(between.output).shape = *shape;
    }
  }
  links.erase_bypassed();
  return log;
}

}  // namespace narrow::graph
