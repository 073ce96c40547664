// Slices of tensors, and padding. All work alike on real numbers and on integers.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/arithmetic.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

template <class Part>
std::vector<int> dims_of(const std::vector<Part>& parts) {
  std::vector<int> dims;
  dims.reserve(parts.size());
  for (const Part& part : parts) dims.push_back(part.dim);
  return dims;
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

// `value` where the padding of `view` is, and 0 elsewhere: value - (value everywhere in the view, padded with zeros).
Result<View> frame_of(Lowering& lowering, const Node& node, View view, const std::vector<Zeros>& zeros, float value) {
  NARROW_ASSIGN(view.value, lowering.graph.append(node, graph::Activation{}, {view.value}, {value, value}));
  NARROW_ASSIGN(view, padded(lowering, node, std::move(view), zeros));
  const Tensor minus_one{ElementType::kFloat32, {}, std::vector<float>{-1.0F}};
  const Tensor shift{ElementType::kFloat32, {}, std::vector<float>{value}};
  return affine(lowering, node, view, &minus_one, &shift);
}

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Negative positions count from the end. Positions beyond an end are moved to it. A range backwards begins with the
// last element at most, and its end may be before the first one.
Range range_within(std::int64_t begin, std::int64_t end, std::int64_t size, bool backwards) {
  const auto within = [&](std::int64_t at) {
    at = at < 0 ? at + size : at;
    return backwards ? std::clamp<std::int64_t>(at, -1, size - 1) : std::clamp<std::int64_t>(at, 0, size);
  };
  return {within(begin), within(end)};
}

// The indices that a slice takes from last to first.
std::vector<std::int64_t> backwards(const Range& range, std::int64_t step) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = range.begin; i > range.end; i += step) indices.push_back(i);
  return indices;
}

// The element that position i shows, from before a dimension of `size` to behind it.
std::int64_t padded_index(const std::string& mode, std::int64_t i, std::int64_t size) {
  const auto modulo = [](std::int64_t x, std::int64_t m) { return (x % m + m) % m; };
  if (mode == "edge" || size == 1) return std::clamp<std::int64_t>(i, 0, size - 1);
  if (mode == "wrap") return modulo(i, size);
  const std::int64_t period = 2 * (size - 1);  // reflect: without the first and the last element twice
  const std::int64_t at = modulo(i, period);
  return at < size ? at : period - at;
}

// Pads with elements of the tensor.
Result<View> padded_with_own(Lowering& lowering, const Node& node, View view, const std::vector<Zeros>& margins,
                             const std::string& mode) {
  for (const Zeros& margin : margins) {
    const std::int64_t size = view.size(margin.dim);
    if (std::max({margin.before, margin.after, size}) > graph::kMaxDimension) {
      return node_error(node, ErrorCode::kLimit, "pads with more than " + std::to_string(graph::kMaxDimension));
    }
    std::vector<std::int64_t> indices;
    for (std::int64_t i = -margin.before; i < size + margin.after; ++i) {
      indices.push_back(padded_index(mode, i, size));
    }
    NARROW_ASSIGN(view, gathered(lowering, node, view, margin.dim, indices));
  }
  return view;
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
  if (starts->size() > x.view.dims.size()) return malformed(node, "has more starts than the tensor has dimensions");
  std::vector<Cut> cuts;
  std::vector<std::pair<int, std::int64_t>> strides;
  std::vector<std::pair<int, std::vector<std::int64_t>>> reversed;
  std::vector<std::int64_t> named;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    named.push_back(axes ? (*axes)[i] : static_cast<std::int64_t>(i));
    NARROW_ASSIGN(const int dim, axis_of(node, named.back(), x.view.rank()));
    const std::int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0) return malformed(node, "a step is 0");
    const Range range = range_within((*starts)[i], (*ends)[i], x.view.size(dim), step < 0);
    const bool is_empty = step < 0 ? range.begin <= range.end : range.begin >= range.end;
    if (is_empty)
      return unsupported(node, "nothing is left of dimension " + std::to_string(dim), next_step::kOtherSize);
    if (step < 0) {
      // The check comes before indices of this number are made.
      if ((range.begin - range.end) / -step > graph::kMaxDimension) {
        return node_error(node, ErrorCode::kLimit,
                          "takes more than " + std::to_string(graph::kMaxDimension) + " elements backwards");
      }
      reversed.emplace_back(dim, backwards(range, step));
      continue;
    }
    cuts.push_back({dim, range.begin, range.end - range.begin});
    if (step > 1) strides.emplace_back(dim, step);
  }
  NARROW_TRY(axes_of(node, named, x.view.rank()));
  NARROW_ASSIGN(x.view, cut(lowering, node, std::move(x.view), cuts));
  for (const auto& [dim, step] : strides) {
    NARROW_ASSIGN(x.view, every(lowering, node, x.view, dim, step));
  }
  for (const auto& [dim, indices] : reversed) {
    NARROW_ASSIGN(x.view, gathered(lowering, node, x.view, dim, indices));
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
  NARROW_ASSIGN(std::vector<std::int64_t> indices, lowering.names.ints(node, 1));
  const std::int64_t size = x.view.size(axis);
  for (std::int64_t& index : indices) {
    if (index < -size || index >= size) {
      return malformed(node, "index " + std::to_string(index) + " is not in a dimension of " + std::to_string(size));
    }
    if (index < 0) index += size;
  }
  if (indices.empty())
    return unsupported(node, "nothing is left of dimension " + std::to_string(axis), next_step::kOtherSize);
  NARROW_ASSIGN(x.view, gathered(lowering, node, x.view, axis, indices));
  // The dimensions of the indices take the place of the axis.
  std::vector<std::int64_t> sizes = x.view.sizes();
  sizes.erase(sizes.begin() + axis);
  const std::vector<std::int64_t>& dims = constant.tensor->dims;
  sizes.insert(sizes.begin() + axis, dims.begin(), dims.end());
  NARROW_ASSIGN(x.view, with_dims(lowering, node, x.view, sizes));
  lowering.names.bind(node, std::move(x));
  return {};
}

Status lower_pad(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const std::string mode, string_or(node, "mode", "constant"));
  NARROW_ASSIGN(const auto pads, lowering.names.ints_of(node, "pads", 1));
  const bool with_own = mode == "reflect" || mode == "edge" || mode == "wrap";
  if (mode != "constant" && !with_own) return malformed(node, "mode " + base::in_quotes(mode) + " does not exist");
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
    if (skipped + dropped >= size)
      return unsupported(node, "nothing is left of dimension " + std::to_string(dims[i]), next_step::kOtherSize);
    if (skipped + dropped > 0) cuts.push_back({dims[i], skipped, size - skipped - dropped});
    if (before > 0 || after > 0) {
      zeros.push_back({dims[i], std::max<std::int64_t>(before, 0), std::max<std::int64_t>(after, 0)});
    }
  }
  // For integers it is the real number of the zero point.
  float zero = 0;
  if (x.integers == kDynamicIntegers)
    return unsupported(node, "pads integers of dynamic quantization", next_step::kStatic);
  if (x.integers) {
    const Quantization& q = lowering.graph.quantization(x.view.value);
    zero = static_cast<float>(q.zero_point - shift_of(*x.integers));
  }
  const bool with_number = !zeros.empty() && value != zero && !with_own;
  if (with_number && (x.integers || !std::isfinite(value))) {
    return unsupported(node,
                       "pads with " + base::number_text(value) +
                           "; only zeros, finite real numbers and the modes reflect, edge and wrap are "
                           "supported",
                       "let the pooling pad that follows");
  }
  NARROW_ASSIGN(x.view, cut(lowering, node, std::move(x.view), cuts));
  if (with_own) {
    NARROW_ASSIGN(x.view, padded_with_own(lowering, node, std::move(x.view), zeros, mode));
  } else {
    const View unpadded = x.view;
    NARROW_ASSIGN(x.view, padded(lowering, node, std::move(x.view), zeros));
    if (with_number) {
      NARROW_ASSIGN(const View frame, frame_of(lowering, node, unpadded, zeros, value));
      NARROW_ASSIGN(x.view, combined(lowering, node, graph::Add{}, std::move(x.view), frame));
    }
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

}  // namespace narrow::onnx
