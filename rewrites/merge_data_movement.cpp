#include "rewrites/merge_data_movement.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace narrow::graph {
namespace {

// The one operator that computes `first` and then `second`.
struct Merge {
  const Op& first;

  [[nodiscard]] bool first_reshapes() const { return is<Reshape>(first) || is<Flatten>(first); }

  std::optional<Op> operator()(const Reshape& second) const {
    return first_reshapes() ? std::optional<Op>(second) : std::nullopt;
  }
  std::optional<Op> operator()(const Flatten& second) const {
    return first_reshapes() ? std::optional<Op>(second) : std::nullopt;
  }
  std::optional<Op> operator()(const Transpose& second) const {
    const auto* before = std::get_if<Transpose>(&first);
    if (before == nullptr) return std::nullopt;
    Transpose both;
    for (std::size_t i = 0; i < both.order.size(); ++i) {
      both.order[i] = before->order[static_cast<std::size_t>(second.order[i])];
    }
    return both;
  }
  std::optional<Op> operator()(const Slice& second) const {
    const auto* before = std::get_if<Slice>(&first);
    if (before == nullptr) return std::nullopt;
    Slice both = second;
    both.begin.height += before->begin.height;
    both.begin.width += before->begin.width;
    both.begin.channels += before->begin.channels;
    return both;
  }
  std::optional<Op> operator()(const Gather& second) const {
    const auto* before = std::get_if<Gather>(&first);
    if (before == nullptr || before->dimension != second.dimension) return std::nullopt;
    Gather both = second;
    for (std::int32_t& index : both.indices) index = before->indices[static_cast<std::size_t>(index)];
    return both;
  }
  std::optional<Op> operator()(const Pad& second) const {
    const auto* before = std::get_if<Pad>(&first);
    if (before == nullptr) return std::nullopt;
    // The sums can't overflow: the shape of the output was checked with them.
    return Pad{{before->pad.top + second.pad.top, before->pad.left + second.pad.left,
                before->pad.bottom + second.pad.bottom, before->pad.right + second.pad.right}};
  }
  template <class Other>
  std::optional<Op> operator()(const Other&) const {
    return std::nullopt;
  }
};

// Whether the dimensions that are not 1 stay in order, so that no byte moves.
bool keeps_bytes(const Transpose& op, const TensorShape& in) {
  const std::array<std::int64_t, 3> sizes{in.height, in.width, in.channels};
  int last = -1;
  for (const int dimension : op.order) {
    if (sizes[static_cast<std::size_t>(dimension)] == 1) continue;
    if (dimension < last) return false;
    last = dimension;
  }
  return true;
}

// The simplest operator with the same result.
std::optional<Op> plainer(const Op& op, const TensorShape& in, const TensorShape& out) {
  const auto* transpose = std::get_if<Transpose>(&op);
  if (transpose != nullptr && !keeps_bytes(*transpose, in)) return std::nullopt;
  if (transpose == nullptr && !is<Reshape>(op)) return std::nullopt;
  if (out.height == 1 && out.width == 1) return Flatten{};
  return transpose == nullptr ? std::nullopt : std::optional<Op>(Reshape{out});
}

}  // namespace

PassLog merge_data_movement(Graph& graph) {
  PassLog log;
  Links links(graph);
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    Node& node = graph.nodes[static_cast<std::size_t>(i)];
    const TensorShape out = graph.value(node.output).shape;
    const int before = links.producer(node.inputs[0]);
    if (before >= 0) {
      const Node& first = graph.nodes[static_cast<std::size_t>(before)];
      auto both = std::visit(Merge{first.op}, node.op);
      if (both) {
        node.op = *std::move(both);
        log.push_back({Event::Kind::kMerged, first.name, "merged " + describe(first) + " into " + describe(node)});
        links.rewire(i, first.inputs);
      }
    }
    if (auto op = plainer(node.op, graph.value(node.inputs[0]).shape, out)) {
      std::string line = "made " + describe(node);
      node.op = *std::move(op);
      line += is<Flatten>(node.op) ? " a flatten" : " a reshape";
      log.push_back({Event::Kind::kReplaced, node.name, std::move(line)});
    }
  }
  return log;
}

}  // namespace narrow::graph
