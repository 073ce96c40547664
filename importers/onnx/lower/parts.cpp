#include "importers/onnx/lower/parts.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "graph/limits.h"
#include "importers/onnx/lower/axes.h"

namespace narrow::onnx {
namespace {

// Three axes in the value's order in which each of `dims` is alone. Nothing: there are too many.
std::optional<Axes> axes_with(const Lowering& lowering, const View& view, const std::vector<int>& dims) {
  std::vector<int> order = dims_in_value_order(view);
  std::vector<int> classes(view.dims.size(), 0);
  int next = 0;
  for (const int dim : dims) {
    classes[static_cast<std::size_t>(dim)] = ++next;
    // A dimension of size 1 has no place in the value; as the innermost it needs no transposition.
    if (view.size(dim) == 1) order.push_back(dim);
  }
  return choose_axes(view.sizes(), order, classes, lowering.shape(view));
}

// The axis on which a dimension is alone; -1: none.
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
  return unsupported(node, "a tensor that can't be brought to three axes for this");
}

template <class Part>
std::vector<int> dims_of(const std::vector<Part>& parts) {
  std::vector<int> dims;
  dims.reserve(parts.size());
  for (const Part& part : parts) dims.push_back(part.dim);
  return dims;
}

}  // namespace

Result<View> cut(Lowering& lowering, const Node& node, View view, const std::vector<Cut>& cuts) {
  std::vector<Cut> needed;
  for (const Cut& c : cuts) {
    if (c.begin != 0 || c.size != view.size(c.dim)) needed.push_back(c);
  }
  if (needed.empty()) return view;
  const auto axes = axes_with(lowering, view, dims_of(needed));
  if (!axes) {
    if (needed.size() == 1) return too_many_dimensions(node);
    for (const Cut& c : needed) {
      NARROW_ASSIGN(view, cut(lowering, node, std::move(view), {c}));
    }
    return view;
  }
  NARROW_ASSIGN(const View from, lowering.arranged(node, view, *axes));
  std::array<std::int64_t, 3> begin{0, 0, 0};
  const TensorShape& shape = lowering.shape(from);
  std::array<std::int64_t, 3> size{shape.height, shape.width, shape.channels};
  std::vector<std::int64_t> sizes = view.sizes();
  for (const Cut& c : needed) {
    const auto axis = static_cast<std::size_t>(axis_with(*axes, c.dim));
    begin[axis] = c.begin;
    size[axis] = c.size;
    sizes[static_cast<std::size_t>(c.dim)] = c.size;
  }
  NARROW_ASSIGN(
      const graph::ValueId id,
      lowering.emit(node, graph::Slice{{begin[0], begin[1], begin[2]}, {size[0], size[1], size[2]}}, {from.value}));
  return relaid(id, view, *axes, sizes);
}

Result<View> every(Lowering& lowering, const Node& node, const View& view, int dim, std::int64_t step) {
  const std::int64_t size = view.size(dim);
  if (step == 1 || size == 1) return view;
  step = std::min<std::int64_t>(step, std::min<std::int64_t>(size, graph::kMaxDimension));
  std::optional<Axes> axes = axes_with(lowering, view, {dim});
  if (!axes || axis_with(*axes, dim) == 2) {
    // Only height and width have strides.
    axes = Axes{};
    for (const int other : dims_in_value_order(view)) {
      auto& side = (*axes)[other == dim ? 1 : (*axes)[1].empty() ? 0 : 2];
      side.push_back(other);
    }
  }
  NARROW_ASSIGN(const View from, lowering.arranged(node, view, *axes));
  graph::Window window;
  (axis_with(*axes, dim) == 0 ? window.stride_h : window.stride_w) = static_cast<int>(step);
  graph::ValueId input = from.value;
  // Every second row of every second column is one subsampling.
  const graph::Node* before = lowering.producer(from.value);
  const auto* pool = before == nullptr ? nullptr : std::get_if<graph::MaxPool>(&before->op);
  if (pool != nullptr) {
    graph::Window subsampling;
    subsampling.stride_h = pool->window.stride_h;
    subsampling.stride_w = pool->window.stride_w;
    const std::int64_t stride_h = std::int64_t{subsampling.stride_h} * window.stride_h;
    const std::int64_t stride_w = std::int64_t{subsampling.stride_w} * window.stride_w;
    if (pool->window == subsampling && std::max(stride_h, stride_w) <= graph::kMaxDimension) {
      window.stride_h = static_cast<int>(stride_h);
      window.stride_w = static_cast<int>(stride_w);
      input = before->inputs[0];
    }
  }
  NARROW_ASSIGN(const graph::ValueId id, lowering.emit(node, graph::MaxPool{window}, {input}));
  std::vector<std::int64_t> sizes = view.sizes();
  sizes[static_cast<std::size_t>(dim)] = (size + step - 1) / step;
  return relaid(id, view, *axes, sizes);
}

Result<View> padded(Lowering& lowering, const Node& node, View view, const std::vector<Zeros>& zeros) {
  if (zeros.empty()) return view;
  const auto axes = axes_with(lowering, view, dims_of(zeros));
  if (!axes) {
    if (zeros.size() == 1) return too_many_dimensions(node);
    for (const Zeros& z : zeros) {
      NARROW_ASSIGN(view, padded(lowering, node, std::move(view), {z}));
    }
    return view;
  }
  NARROW_ASSIGN(const View from, lowering.arranged(node, view, *axes));
  graph::Pad pad;
  graph::PadChannels pad_channels;
  std::vector<std::int64_t> sizes = view.sizes();
  for (const Zeros& z : zeros) {
    const std::int64_t sum = z.before + z.after;
    if (z.before > graph::kMaxDimension || z.after > graph::kMaxDimension) {
      return node_error(node, ErrorCode::kLimit, "pads with more than " + std::to_string(graph::kMaxDimension));
    }
    const auto before = static_cast<int>(z.before);
    const auto after = static_cast<int>(z.after);
    const int axis = axis_with(*axes, z.dim);
    if (axis == 0) {
      pad.pad.top = before;
      pad.pad.bottom = after;
    } else if (axis == 1) {
      pad.pad.left = before;
      pad.pad.right = after;
    } else {
      pad_channels = {before, after};
    }
    sizes[static_cast<std::size_t>(z.dim)] += sum;
  }
  graph::ValueId id = from.value;
  if (pad.pad != Padding{}) {
    NARROW_ASSIGN(id, lowering.emit(node, pad, {id}));
  }
  if (pad_channels.before != 0 || pad_channels.after != 0) {
    NARROW_ASSIGN(id, lowering.emit(node, pad_channels, {id}));
  }
  return relaid(id, view, *axes, sizes);
}

}  // namespace narrow::onnx
