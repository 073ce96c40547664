#include "importers/onnx/lower/arithmetic.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/layout.h"
#include "importers/onnx/lower/movement.h"

namespace narrow::onnx {
namespace {

View with_rank(View view, std::size_t rank) {
  if (view.dims.size() < rank) view.dims.insert(view.dims.begin(), rank - view.dims.size(), Dimension{});
  return view;
}

// The size of a constant along a dimension, after its rank is extended to `rank`.
std::int64_t size_along(const Tensor& constant, std::size_t rank, std::size_t dim) {
  const std::size_t missing = rank - constant.dims.size();
  return dim < missing ? 1 : constant.dims[dim - missing];
}

// The constant repeated along `dims`, in row-major order.
std::vector<float> repeated(const Tensor& constant, const View& view, const std::vector<int>& dims) {
  const std::vector<float> values = constant.to_floats();
  std::vector<std::int64_t> at{0};
  for (const int dim : dims) {
    const auto d = static_cast<std::size_t>(dim);
    std::int64_t step = 1;
    for (std::size_t i = d + 1; i < view.dims.size(); ++i) step *= size_along(constant, view.dims.size(), i);
    if (size_along(constant, view.dims.size(), d) == 1) step = 0;
    std::vector<std::int64_t> next;
    next.reserve(at.size() * static_cast<std::size_t>(view.size(dim)));
    for (const std::int64_t base : at) {
      for (std::int64_t i = 0; i < view.size(dim); ++i) next.push_back(base + i * step);
    }
    at = std::move(next);
  }
  std::vector<float> result;
  result.reserve(at.size());
  for (const std::int64_t i : at) result.push_back(values[static_cast<std::size_t>(i)]);
  return result;
}

// The tensor repeated along its dimensions of size 1 that are larger in the constant.
Result<View> repeated_for(Lowering& lowering, const Node& node, View view, const Tensor& constant) {
  const std::size_t rank = view.dims.size();
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const std::int64_t size = size_along(constant, rank, dim);
    if (size <= 1 || view.size(static_cast<int>(dim)) != 1) continue;
    NARROW_ASSIGN(view, repeated(lowering, node, view, static_cast<int>(dim), size));
  }
  return view;
}

Status check_fit(const Node& node, const View& view, const Tensor& constant) {
  const auto rank = view.dims.size();
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const std::int64_t size = size_along(constant, rank, dim);
    if (size == 1 || size == view.size(static_cast<int>(dim))) continue;
    return malformed(
        node, "a constant " + dims_text(constant.dims) + " for a tensor " + dims_text(view.sizes()) + " does not fit");
  }
  return {};
}

}  // namespace

Result<PerChannel> per_channel(Lowering& lowering, const Node& node, const View& view,
                               const std::vector<const Tensor*>& constants) {
  std::size_t rank = view.dims.size();
  for (const Tensor* constant : constants) rank = std::max(rank, constant->dims.size());
  View aligned = with_rank(view, rank);
  for (const Tensor* constant : constants) {
    NARROW_ASSIGN(aligned, repeated_for(lowering, node, std::move(aligned), *constant));
  }
  std::vector<int> varying;
  for (const Tensor* constant : constants) NARROW_TRY(check_fit(node, aligned, *constant));
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const bool varies = std::any_of(constants.begin(), constants.end(),
                                    [&](const Tensor* constant) { return size_along(*constant, rank, dim) > 1; });
    if (varies) varying.push_back(static_cast<int>(dim));
  }
  PerChannel result;
  if (varying.empty()) {
    const auto channels = static_cast<std::size_t>(lowering.graph.shape(aligned).channels);
    for (const Tensor* constant : constants) result.values.emplace_back(channels, constant->to_floats()[0]);
    result.view = std::move(aligned);
    return result;
  }
  // They become the channels of a tensor. The check comes before constants of this size are made.
  std::int64_t count = 1;
  for (const int dim : varying) {
    count *= aligned.size(dim);
    if (count > graph::kMaxChannels) {
      return node_error(node, ErrorCode::kLimit,
                        "its constants vary over more than " + std::to_string(graph::kMaxChannels) + " positions of " +
                            dims_text(aligned.sizes()));
    }
  }
  const std::vector<Atom> channels = atoms_of(aligned, varying);
  const std::vector<std::int64_t> order = value_order_of(channels);
  for (const Tensor* constant : constants) {
    std::vector<float> values = repeated(*constant, aligned, varying);
    if (!order.empty()) {
      std::vector<float> sorted;
      sorted.reserve(values.size());
      for (const std::int64_t i : order) sorted.push_back(values[static_cast<std::size_t>(i)]);
      values = std::move(sorted);
    }
    result.values.push_back(std::move(values));
  }
  NARROW_ASSIGN(result.view, lowering.layout.arranged_atoms(
                                 node, aligned, channels_last(aligned, channels, lowering.graph.shape(aligned))));
  return result;
}

Result<View> affine(Lowering& lowering, const Node& node, const View& view, const Tensor* scale, const Tensor* shift) {
  const Tensor one{ElementType::kFloat32, {}, std::vector<float>{1.0F}};
  const Tensor zero{ElementType::kFloat32, {}, std::vector<float>{0.0F}};
  NARROW_ASSIGN(PerChannel at,
                per_channel(lowering, node, view, {scale != nullptr ? scale : &one, shift != nullptr ? shift : &zero}));
  const auto all = [](const std::vector<float>& values, float value) {
    return std::all_of(values.begin(), values.end(), [&](float x) { return x == value; });
  };
  if (all(at.values[0], 1.0F) && all(at.values[1], 0.0F)) return std::move(at.view);
  graph::BatchNorm op;
  op.mean.assign(at.values[0].size(), 0.0F);
  op.variance.assign(at.values[0].size(), 1.0F);
  op.gamma = std::move(at.values[0]);
  op.beta = std::move(at.values[1]);
  op.epsilon = 0;
  NARROW_ASSIGN(at.view.value, lowering.graph.append(node, std::move(op), {at.view.value}));
  return std::move(at.view);
}

Result<View> combined(Lowering& lowering, const Node& node, graph::Op op, View a, View b) {
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  a = with_rank(std::move(a), rank);
  b = with_rank(std::move(b), rank);
  if (a.dims == b.dims) {
    NARROW_ASSIGN(b, lowering.layout.shaped(node, b, lowering.graph.shape(a)));
    NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {a.value, b.value}));
    return a.of(id);
  }

  std::vector<std::int64_t> sizes;
  std::vector<int> classes;  // 0: in both tensors, 1: in the first, 2: in the second
  for (int dim = 0; dim < static_cast<int>(rank); ++dim) {
    const std::int64_t in_a = a.size(dim);
    const std::int64_t in_b = b.size(dim);
    if (in_a != in_b && in_a != 1 && in_b != 1) {
      return malformed(node, "inputs " + dims_text(a.sizes()) + " and " + dims_text(b.sizes()) + " do not fit");
    }
    sizes.push_back(std::max(in_a, in_b));
    classes.push_back(in_a == in_b ? 0 : in_b == 1 ? 1 : 2);
  }
  // Dimensions in the order of the larger tensor, which then need not be transposed.
  const View& larger = a.elems() >= b.elems() ? a : b;
  const View& smaller = a.elems() >= b.elems() ? b : a;
  std::vector<int> order = dims_in_value_order(larger);
  for (int dim = static_cast<int>(rank) - 1; dim >= 0; --dim) {
    if (larger.size(dim) == 1 && smaller.size(dim) > 1) order.insert(order.begin(), dim);
  }
  auto axes = choose_axes(sizes, order, classes, lowering.graph.shape(larger));
  if (!axes) {
    // Both are transposed, so that dimensions of one class are neighbours.
    std::stable_sort(order.begin(), order.end(), [&](int left, int right) {
      return classes[static_cast<std::size_t>(left)] > classes[static_cast<std::size_t>(right)];
    });
    axes = choose_axes(sizes, order, classes, lowering.graph.shape(larger));
  }
  if (!axes) {
    return node_error(
        node, ErrorCode::kLimit,
        "broadcasting " + dims_text(a.sizes()) + " and " + dims_text(b.sizes()) + " makes a tensor that is too large");
  }
  NARROW_ASSIGN(const View left, lowering.layout.arranged(node, a, *axes));
  NARROW_ASSIGN(const View right, lowering.layout.arranged(node, b, *axes));
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, std::move(op), {left.value, right.value}));
  std::vector<SizedDim> sized;
  sized.reserve(order.size());
  for (const int dim : order) sized.emplace_back(dim, sizes[static_cast<std::size_t>(dim)]);
  return laid_out(id, static_cast<int>(rank), sized);
}

}  // namespace narrow::onnx
