#include "importers/onnx/lower/movement.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/node_error.h"

namespace narrow::onnx {
namespace {

// The axes with `dim` alone in the middle, where axes_with() finds none.
Axes middle_axes(const View& view, int dim) {
  Axes axes;
  for (const int other : dims_in_value_order(view)) {
    if (other != dim) axes[axes[0].empty() ? 0 : 2].push_back(other);
  }
  axes[1] = {dim};
  return axes;
}

// The axes for a dimension that grows from 1: before the innermost one, as height and width stand before the channels.
std::optional<Axes> axes_for_new(const Lowering& lowering, const View& view, int dim) {
  std::vector<int> order = dims_in_value_order(view);
  order.insert(order.empty() ? order.end() : order.end() - 1, dim);
  std::vector<int> classes(view.dims.size(), 0);
  classes[static_cast<std::size_t>(dim)] = 1;
  return choose_axes(view.sizes(), order, classes, lowering.graph.shape(view));
}

}  // namespace

// Three axes, in the order of the value, on which each of `dims` is alone. Nothing: there are too many dimensions.
std::optional<Axes> axes_with(const Lowering& lowering, const View& view, const std::vector<int>& dims) {
  std::vector<int> order = dims_in_value_order(view);
  std::vector<int> classes(view.dims.size(), 0);
  int next = 0;
  for (const int dim : dims) {
    classes[static_cast<std::size_t>(dim)] = ++next;
    // A dimension of size 1 has no position in the value. As the innermost one it requires no transposition.
    if (view.size(dim) == 1) order.push_back(dim);
  }
  return choose_axes(view.sizes(), order, classes, lowering.graph.shape(view));
}

// The axis on which a dimension is alone; -1 if there is none.
int axis_with(const Axes& axes, int dim) {
  for (int axis = 0; axis < 3; ++axis) {
    if (axes[static_cast<std::size_t>(axis)] == std::vector<int>{dim}) return axis;
  }
  return -1;
}

View relaid(graph::ValueId id, const View& before, const Axes& axes, const std::vector<std::int64_t>& sizes) {
  std::vector<SizedDim> order;
  for (const auto& axis : axes) {
    for (const int dim : axis) order.emplace_back(dim, sizes[static_cast<std::size_t>(dim)]);
  }
  return laid_out(id, before.rank(), order);
}

Error too_many_dimensions(const Node& node) {
  return unsupported(node, "a tensor that can't be brought to three axes for this", next_step::kReplace);
}

Result<View> cut(Lowering& lowering, const Node& node, View view, const std::vector<Cut>& cuts) {
  std::vector<Cut> needed;
  for (const Cut& c : cuts) {
    if (c.begin != 0 || c.size != view.size(c.dim)) needed.push_back(c);
  }
  if (needed.empty()) return view;
  std::vector<int> dims;
  dims.reserve(needed.size());
  for (const Cut& c : needed) dims.push_back(c.dim);
  const auto axes = axes_with(lowering, view, dims);
  if (!axes) {
    if (needed.size() == 1) return too_many_dimensions(node);
    for (const Cut& c : needed) {
      NARROW_ASSIGN(view, cut(lowering, node, std::move(view), {c}));
    }
    return view;
  }
  NARROW_ASSIGN(const View from, lowering.layout.arranged(node, view, *axes));
  std::array<std::int64_t, 3> begin{0, 0, 0};
  const TensorShape& shape = lowering.graph.shape(from);
  std::array<std::int64_t, 3> size{shape.height, shape.width, shape.channels};
  std::vector<std::int64_t> sizes = view.sizes();
  for (const Cut& c : needed) {
    const auto axis = static_cast<std::size_t>(axis_with(*axes, c.dim));
    begin[axis] = c.begin;
    size[axis] = c.size;
    sizes[static_cast<std::size_t>(c.dim)] = c.size;
  }
  NARROW_ASSIGN(const graph::ValueId id,
                lowering.graph.append(node, graph::Slice{{begin[0], begin[1], begin[2]}, {size[0], size[1], size[2]}},
                                      {from.value}));
  return relaid(id, view, *axes, sizes);
}

Result<View> gathered(Lowering& lowering, const Node& node, const View& view, int dim,
                      const std::vector<std::int64_t>& indices) {
  const auto count = static_cast<std::int64_t>(indices.size());
  bool is_cut = true;
  for (std::int64_t i = 0; i < count; ++i) {
    is_cut = is_cut && indices[static_cast<std::size_t>(i)] == indices.front() + i;
  }
  if (is_cut) return cut(lowering, node, view, {{dim, indices.front(), count}});
  if (count > graph::kMaxDimension) {
    return node_error(node, ErrorCode::kLimit,
                      "its result has a dimension of " + std::to_string(count) + ", at most " +
                          std::to_string(graph::kMaxDimension) + " is supported");
  }
  const bool grows = view.size(dim) == 1;
  std::optional<Axes> axes = grows ? axes_for_new(lowering, view, dim) : axes_with(lowering, view, {dim});
  if (!axes || axis_with(*axes, dim) < 0) axes = middle_axes(view, dim);
  NARROW_ASSIGN(const View from, lowering.layout.arranged(node, view, *axes));
  graph::Gather op;
  op.dimension = axis_with(*axes, dim);
  for (const std::int64_t index : indices) op.indices.push_back(static_cast<std::int32_t>(index));
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {from.value}));
  std::vector<std::int64_t> sizes = view.sizes();
  sizes[static_cast<std::size_t>(dim)] = count;
  return relaid(id, view, *axes, sizes);
}

Result<View> repeated(Lowering& lowering, const Node& node, const View& view, int dim, std::int64_t times) {
  if (times > graph::kMaxDimension) {
    return node_error(node, ErrorCode::kLimit,
                      "repeats a dimension " + std::to_string(times) + " times, at most " +
                          std::to_string(graph::kMaxDimension) + " is supported");
  }
  return gathered(lowering, node, view, dim, std::vector<std::int64_t>(static_cast<std::size_t>(times), 0));
}

Result<View> with_dims(Lowering& lowering, const Node& node, const View& view, const std::vector<std::int64_t>& dims) {
  if (auto same = reshaped(view, dims)) return *std::move(same);
  std::vector<int> order = dims_in_value_order(view);
  std::sort(order.begin(), order.end());
  const auto axes = choose_axes(view.sizes(), order, std::vector<int>(view.dims.size(), 0), lowering.graph.shape(view));
  if (!axes) return unsupported(node, "a tensor too large to be brought into its logical order", next_step::kReplace);
  NARROW_ASSIGN(const View in_order, lowering.layout.arranged(node, view, *axes));
  auto result = reshaped(in_order, dims);
  if (!result) return node_error(node, ErrorCode::kInternal, "cannot be reshaped");
  return *std::move(result);
}

}  // namespace narrow::onnx
