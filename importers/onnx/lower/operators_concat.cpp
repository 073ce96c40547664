#include <algorithm>
#include <optional>
#include <utility>

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

// Axes for a concatenation of channels that concatenates `axis`: the axis is the first dimension of the channels.
// Dimensions inside the axis stay there, if the limits of a tensor allow it.
Axes axes_for(const Lowering& lowering, const View& first, int axis, std::int64_t total) {
  std::vector<int> order = dims_in_value_order(first);
  auto at = std::find(order.begin(), order.end(), axis);
  std::int64_t channels = total;
  for (auto inner = at; inner != order.end(); ++inner) channels *= *inner == axis ? 1 : first.size(*inner);
  if (at == order.end() || channels > graph::kMaxDimension) {
    std::erase(order, axis);
    order.push_back(axis);
    at = order.end() - 1;
  }
  const std::vector<int> outer(order.begin(), at);
  const auto product = [&](auto begin, auto end) {
    std::int64_t size = 1;
    for (; begin != end; ++begin) size *= first.size(*begin);
    return size;
  };
  const TensorShape& shape = lowering.graph.shape(first);
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i <= outer.size(); ++i) {
    const auto middle = outer.begin() + static_cast<std::ptrdiff_t>(i);
    const std::int64_t height = product(outer.begin(), middle);
    const std::int64_t width = product(middle, outer.end());
    if (height == shape.height && width == shape.width) {
      best = i;
      break;
    }
    if (!best && std::max(height, width) <= graph::kMaxDimension) best = i;
  }
  const auto middle = outer.begin() + static_cast<std::ptrdiff_t>(best.value_or(0));
  return {std::vector<int>(outer.begin(), middle), std::vector<int>(middle, outer.end()),
          std::vector<int>(at, order.end())};
}

// A constant as a computed tensor: a part of `like`, times 0, plus the constant. Error: another dimension than `axis`
// differs.
Result<View> beside(Lowering& lowering, const Node& node, const View& like, int axis, const Tensor& constant) {
  const auto at = static_cast<std::size_t>(axis);
  std::vector<std::int64_t> expected = like.sizes();
  if (constant.dims.size() == expected.size()) expected[at] = constant.dims[at];
  if (constant.dims != expected || constant.elems() < 1) {
    return malformed(node, "a constant " + dims_text(constant.dims) + " beside a tensor " + dims_text(like.sizes()) +
                               " does not fit along axis " + std::to_string(axis));
  }
  if (!constant.is_float()) return unsupported(node, "joins integers that are constant", next_step::kFloat);
  NARROW_ASSIGN(View part, cut(lowering, node, like, {{axis, 0, 1}}));
  if (constant.dims[at] > 1) {
    NARROW_ASSIGN(part, repeated(lowering, node, part, axis, constant.dims[at]));
  }
  const Tensor zero{ElementType::kFloat32, {}, std::vector<float>{0.0F}};
  return affine(lowering, node, part, &zero, &constant);
}

// All inputs as real numbers. Integer inputs must share their parameters. The result then has the same parameters.
struct Inputs {
  std::vector<View> views;
  std::optional<Parameters> parameters;
};

// The first input that is computed; the number of inputs if all are constant.
std::size_t first_computed(const Lowering& lowering, const Node& node) {
  std::size_t i = 0;
  while (i < node.inputs.size() && lowering.names.constant_or_null(node, i) != nullptr) ++i;
  return i;
}

Result<Inputs> read_inputs(Lowering& lowering, const Node& node) {
  Inputs result;
  const std::size_t computed = first_computed(lowering, node);
  std::optional<View> like;
  if (computed < node.inputs.size()) {
    NARROW_ASSIGN(const Flow flow, lowering.names.flow(node, computed));
    if (!flow.integers) like = flow.view;
  }
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Constant* constant = like ? lowering.names.constant_or_null(node, i) : nullptr;
    if (constant != nullptr && constant->tensor->type != ElementType::kOther) {
      NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", 1));
      NARROW_ASSIGN(const int axis, axis_of(node, given, like->rank()));
      NARROW_ASSIGN(View view, beside(lowering, node, *like, axis, *constant->tensor));
      result.views.push_back(std::move(view));
      continue;
    }
    NARROW_ASSIGN(const Flow x, lowering.names.flow(node, i));
    std::optional<Parameters> parameters;
    if (x.integers == kDynamicIntegers)
      return unsupported(node, "joins integers of dynamic quantization", next_step::kStatic);
    if (x.integers) {
      parameters = Parameters{lowering.graph.quantization(x.view.value), *x.integers};
      parameters->quantization.range = {0, 255};
    }
    if (i == 0) result.parameters = parameters;
    const bool same = parameters.has_value() == result.parameters.has_value() &&
                      (!parameters || (parameters->quantization == result.parameters->quantization &&
                                       parameters->integers == result.parameters->integers));
    if (!same)
      return unsupported(node, "concatenates integers that differ in scale, zero point or type", next_step::kFloat);
    NARROW_ASSIGN(View view, dequantized(lowering, node, x));
    result.views.push_back(std::move(view));
  }
  return result;
}

}  // namespace

Status lower_concat(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Inputs inputs, read_inputs(lowering, node));
  if (inputs.views.empty()) return malformed(node, "has no inputs");
  const View& first = inputs.views[0];
  NARROW_ASSIGN(const std::int64_t given, int_or(node, "axis", 1));
  NARROW_ASSIGN(const int axis, axis_of(node, given, first.rank()));
  std::int64_t total = 0;
  for (const View& view : inputs.views) {
    std::vector<std::int64_t> sizes = view.sizes();
    std::vector<std::int64_t> expected = first.sizes();
    if (sizes.size() == expected.size()) expected[static_cast<std::size_t>(axis)] = view.size(axis);
    if (sizes != expected) {
      return malformed(node, "inputs " + dims_text(first.sizes()) + " and " + dims_text(sizes) +
                                 " differ in more than axis " + std::to_string(axis));
    }
    total += view.size(axis);
    if (total > graph::kMaxElems) return node_error(node, ErrorCode::kLimit, "its result is too large");
  }
  View joined = first;
  if (inputs.views.size() > 1) {
    const Axes axes = axes_for(lowering, first, axis, total);
    std::vector<graph::ValueId> values;
    for (const View& view : inputs.views) {
      NARROW_ASSIGN(const View arranged, lowering.layout.arranged(node, view, axes));
      values.push_back(arranged.value);
    }
    NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, graph::Concat{}, std::move(values)));
    std::vector<SizedDim> order;
    for (const auto& group : axes) {
      for (const int dim : group) order.emplace_back(dim, dim == axis ? total : first.size(dim));
    }
    joined = laid_out(id, first.rank(), order);
  }
  if (!inputs.parameters) {
    lowering.names.bind(node, Flow{std::move(joined)});
    return {};
  }
  NARROW_ASSIGN(Flow integers, quantized(lowering, node, joined, *inputs.parameters));
  lowering.names.bind(node, std::move(integers));
  return {};
}

}  // namespace narrow::onnx
