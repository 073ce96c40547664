// Parts of tensors, and zeros around them. All of it works alike on real numbers and on integers.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/operators.h"
#include "importers/onnx/lower/parts.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {
namespace {

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Negative positions count from the end; those beyond either end mean the end.
Range range_within(std::int64_t begin, std::int64_t end, std::int64_t size) {
  const auto within = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size); };
  return {within(begin), within(end)};
}

}  // namespace

Status lower_slice(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.flow(node, 0));
  NARROW_ASSIGN(const auto starts, lowering.ints_of(node, "starts", 1));
  NARROW_ASSIGN(const auto ends, lowering.ints_of(node, "ends", 2));
  NARROW_ASSIGN(const auto axes, lowering.ints_of(node, "axes", 3));
  NARROW_ASSIGN(const auto steps, lowering.ints_of(node, "steps", 4));
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
  lowering.bind(node, std::move(x));
  return {};
}

Status lower_split(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const Flow x, lowering.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t given_axis, int_or(node, "axis", 0));
  NARROW_ASSIGN(const int axis, axis_of(node, given_axis, x.view.rank()));
  NARROW_ASSIGN(const auto given, lowering.ints_of(node, "split", 1));
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
    if (lowering.is_live(node.outputs[i])) {
      NARROW_ASSIGN(View part, cut(lowering, node, x.view, {{axis, begin, parts[i]}}));
      lowering.bind(node, Flow{std::move(part), x.integers}, i);
    }
    begin += parts[i];
  }
  return {};
}

Status lower_gather(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.flow(node, 0));
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", 0));
  NARROW_ASSIGN(const int axis, axis_of(node, given, x.view.rank()));
  NARROW_ASSIGN(const Constant constant, lowering.constant(node, 1));
  NARROW_ASSIGN(const std::vector<std::int64_t> indices, lowering.ints(node, 1));
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
  lowering.bind(node, std::move(x));
  return {};
}

Status lower_pad(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.flow(node, 0));
  NARROW_ASSIGN(const std::string mode, string_or(node, "mode", "constant"));
  NARROW_ASSIGN(const auto pads, lowering.ints_of(node, "pads", 1));
  if (mode != "constant") {
    return unsupported(node, "mode " + base::in_quotes(mode) + "; only 'constant', with zeros, is supported");
  }
  std::vector<int> dims;
  if (Lowering::has_input(node, 3)) {
    NARROW_ASSIGN(const std::vector<std::int64_t> axes, lowering.ints(node, 3));
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
  if (Lowering::has_input(node, 2)) {
    NARROW_ASSIGN(const std::vector<float> given, lowering.floats(node, 2));
    if (given.size() > 1) return malformed(node, "the value to pad with is not a single number");
    if (!given.empty()) value = given[0];
  }

  std::vector<Cut> cuts;  // negative pads
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
  // Of integers, the zero point is zero.
  float zero = 0;
  if (x.integers) {
    const Quantization& q = *lowering.graph().value(x.view.value).quantization;
    zero = static_cast<float>(q.zero_point - shift_of(*x.integers));
  }
  if (!zeros.empty() && value != zero) {
    return unsupported(node, "pads with " + std::to_string(value) + "; only zeros are supported");
  }
  NARROW_ASSIGN(x.view, cut(lowering, node, std::move(x.view), cuts));
  NARROW_ASSIGN(x.view, padded(lowering, node, std::move(x.view), zeros));
  lowering.bind(node, std::move(x));
  return {};
}

}  // namespace narrow::onnx
