// Slices of tensors, and padding with zeros. Both work alike on real numbers and on integers.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

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
  return unsupported(node, "a tensor that can't be brought to three axes for this");
}

template <class Part>
std::vector<int> dims_of(const std::vector<Part>& parts) {
  std::vector<int> dims;
  dims.reserve(parts.size());
  for (const Part& part : parts) dims.push_back(part.dim);
  return dims;
}

// The elements [begin, begin + size) along one dimension.
struct Cut {
  int dim = 0;
  std::int64_t begin = 0;
  std::int64_t size = 0;
};

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

// Every `step`-th element along a dimension, beginning with the first.
Result<View> every(Lowering& lowering, const Node& node, const View& view, int dim, std::int64_t step) {
  const std::int64_t size = view.size(dim);
  if (step == 1 || size == 1) return view;
  step = std::min<std::int64_t>(step, std::min<std::int64_t>(size, graph::kMaxDimension));
  std::optional<Axes> axes = axes_with(lowering, view, {dim});
  if (!axes || axis_with(*axes, dim) == 2) {
    // Only height and width can have strides.
    axes = Axes{};
    for (const int other : dims_in_value_order(view)) {
      auto& side = (*axes)[other == dim ? 1 : (*axes)[1].empty() ? 0 : 2];
      side.push_back(other);
    }
  }
  NARROW_ASSIGN(const View from, lowering.layout.arranged(node, view, *axes));
  graph::Window window;
  (axis_with(*axes, dim) == 0 ? window.stride_h : window.stride_w) = static_cast<int>(step);
  graph::ValueId input = from.value;
  // A stride along the rows and one along the columns become one subsampling.
  const graph::Node* before = lowering.graph.producer(from.value);
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
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, graph::MaxPool{window}, {input}));
  std::vector<std::int64_t> sizes = view.sizes();
  sizes[static_cast<std::size_t>(dim)] = (size + step - 1) / step;
  return relaid(id, view, *axes, sizes);
}

// The number of zeros before and after a dimension.
struct Zeros {
  int dim = 0;
  std::int64_t before = 0;
  std::int64_t after = 0;
};

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
  NARROW_ASSIGN(const View from, lowering.layout.arranged(node, view, *axes));
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
    NARROW_ASSIGN(id, lowering.graph.append(node, pad, {id}));
  }
  if (pad_channels.before != 0 || pad_channels.after != 0) {
    NARROW_ASSIGN(id, lowering.graph.append(node, pad_channels, {id}));
  }
  return relaid(id, view, *axes, sizes);
}

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Negative positions count from the end. Positions beyond an end are moved to it.
Range range_within(std::int64_t begin, std::int64_t end, std::int64_t size) {
  const auto within = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
  return {within(begin), within(end)};
}

}  // namespace

Status lower_slice(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const auto starts, lowering.names.positions_of(node, "starts", 1));
  NARROW_ASSIGN(const auto ends, lowering.names.positions_of(node, "ends", 2));
  NARROW_ASSIGN(const auto axes, lowering.names.ints_of(node, "axes", 3));
  NARROW_ASSIGN(const auto steps, lowering.names.positions_of(node, "steps", 4));
  if (!starts || !ends || starts->size() != ends->size() || (axes && axes->size() != starts->size()) ||
      (steps && steps->size() != starts->size())) {
    return malformed(node, "starts, ends, axes and steps differ in number");
  }
  std::vector<Cut> cuts;
  std::vector<std::pair<int, std::int64_t>> strides;
  std::vector<std::int64_t> named;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    named.push_back(axes ? (*axes)[i] : static_cast<std::int64_t>(i));
    NARROW_ASSIGN(const int dim, axis_of(node, named.back(), x.view.rank()));
    const std::int64_t step = steps ? (*steps)[i] : 1;
    if (step < 1) return unsupported(node, "a step of " + std::to_string(step) + "; only steps above 0 are supported");
    const Range range = range_within((*starts)[i], (*ends)[i], x.view.size(dim));
    if (range.begin >= range.end) return unsupported(node, "nothing is left of dimension " + std::to_string(dim));
    cuts.push_back({dim, range.begin, range.end - range.begin});
    if (step > 1) strides.emplace_back(dim, step);
  }
  NARROW_TRY(axes_of(node, named, x.view.rank()));
  NARROW_ASSIGN(x.view, cut(lowering, node, std::move(x.view), cuts));
  for (const auto& [dim, step] : strides) {
    NARROW_ASSIGN(x.view, every(lowering, node, x.view, dim, step));
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_split(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t given_axis, int_or(node, "axis", 0));
  NARROW_ASSIGN(const int axis, axis_of(node, given_axis, x.view.rank()));
  NARROW_ASSIGN(const auto given, lowering.names.ints_of(node, "split", 1));
  const std::int64_t size = x.view.size(axis);
  const auto outputs = static_cast<std::int64_t>(node.outputs.size());
  std::vector<std::int64_t> parts;
  if (given) {
    parts = *given;
  } else if (outputs > 0) {
    const std::int64_t part = (size + outputs - 1) / outputs;
    parts.assign(static_cast<std::size_t>(outputs), part);
    parts.back() = size - part * (outputs - 1);
  }
  std::int64_t left = size;
  for (const std::int64_t part : parts) {
    if (part < 1 || part > left)
      return malformed(node, "parts " + dims_text(parts) + " do not make up " + std::to_string(size) + " elements");
    left -= part;
  }
  if (left != 0 || static_cast<std::int64_t>(parts.size()) != outputs) {
    return malformed(node, "parts " + dims_text(parts) + " do not make up " + std::to_string(size) + " elements in " +
                               std::to_string(outputs) + " outputs");
  }
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (lowering.names.is_live(node.outputs[i])) {
      NARROW_ASSIGN(View part, cut(lowering, node, x.view, {{axis, begin, parts[i]}}));
      lowering.names.bind(node, Flow{std::move(part), x.integers}, i);
    }
    begin += parts[i];
  }
  return {};
}

Status lower_gather(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", 0));
  NARROW_ASSIGN(const int axis, axis_of(node, given, x.view.rank()));
  NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, 1));
  NARROW_ASSIGN(const std::vector<std::int64_t> indices, lowering.names.ints(node, 1));
  const std::size_t rank = constant.tensor->dims.size();
  const std::int64_t size = x.view.size(axis);
  bool contiguous = !indices.empty() && rank <= 1;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < -size || indices[i] >= size) {
      return malformed(node,
                       "index " + std::to_string(indices[i]) + " is not in a dimension of " + std::to_string(size));
    }
    const auto expected = (indices[0] < 0 ? indices[0] + size : indices[0]) + static_cast<std::int64_t>(i);
    contiguous = contiguous && (indices[i] < 0 ? indices[i] + size : indices[i]) == expected;
  }
  if (!contiguous) {
    return unsupported(node, "indices that are not one number or a contiguous range");
  }
  const std::int64_t begin = indices[0] < 0 ? indices[0] + size : indices[0];
  NARROW_ASSIGN(x.view,
                cut(lowering, node, std::move(x.view), {{axis, begin, static_cast<std::int64_t>(indices.size())}}));
  if (rank == 0) x.view.dims.erase(x.view.dims.begin() + axis);
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_pad(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::string mode, string_or(node, "mode", "constant"));
  NARROW_ASSIGN(const auto pads, lowering.names.ints_of(node, "pads", 1));
  if (mode != "constant") {
    return unsupported(node, "mode " + base::in_quotes(mode) + "; only 'constant', with zeros, is supported");
  }
  std::vector<int> dims;
  if (Names::has_input(node, 3)) {
    NARROW_ASSIGN(const std::vector<std::int64_t> axes, lowering.names.ints(node, 3));
    NARROW_TRY(axes_of(node, axes, x.view.rank()));
    for (const std::int64_t axis : axes) {
      dims.push_back(static_cast<int>(axis < 0 ? axis + x.view.rank() : axis));
    }
  } else {
    for (int dim = 0; dim < x.view.rank(); ++dim) dims.push_back(dim);
  }
  if (!pads || pads->size() != 2 * dims.size()) {
    return malformed(node, "pads must have two numbers for each of " + std::to_string(dims.size()) + " dimensions");
  }

  NARROW_ASSIGN(float value, float_or(node, "value", 0));
  if (Names::has_input(node, 2)) {
    NARROW_ASSIGN(const std::vector<float> given, lowering.names.floats(node, 2));
    if (given.size() > 1) return malformed(node, "the value to pad with is not a single number");
    if (!given.empty()) value = given[0];
  }

  std::vector<Cut> cuts;  // from negative pads
  std::vector<Zeros> zeros;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::int64_t before = (*pads)[i];
    const std::int64_t after = (*pads)[i + dims.size()];
    const std::int64_t size = x.view.size(dims[i]);
    const std::int64_t skipped = before < 0 ? (before < -size ? size : -before) : 0;
    const std::int64_t dropped = after < 0 ? (after < -size ? size : -after) : 0;
    if (skipped + dropped >= size) return unsupported(node, "nothing is left of dimension " + std::to_string(dims[i]));
    if (skipped + dropped > 0) cuts.push_back({dims[i], skipped, size - skipped - dropped});
    if (before > 0 || after > 0) {
      zeros.push_back({dims[i], std::max<std::int64_t>(before, 0), std::max<std::int64_t>(after, 0)});
    }
  }
  // For integers it is the real number of the zero point.
  float zero = 0;
  if (x.integers == kDynamicIntegers) return unsupported(node, "pads integers of dynamic quantization");
  if (x.integers) {
    const Quantization& q = lowering.graph.quantization(x.view.value);
    zero = static_cast<float>(q.zero_point - shift_of(*x.integers));
  }
  if (!zeros.empty() && value != zero) {
    return unsupported(node, "pads with " + std::to_string(value) + "; only zeros are supported");
  }
  NARROW_ASSIGN(x.view, cut(lowering, node, std::move(x.view), cuts));
  NARROW_ASSIGN(x.view, padded(lowering, node, std::move(x.view), zeros));
  lowering.names.bind(node, std::move(x));
  return {};
}

}  // namespace narrow::onnx
