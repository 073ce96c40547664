#include "importers/onnx/lower/layout.h"

#include <algorithm>

#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/node_error.h"

namespace narrow::onnx {
namespace {

// The quality of a choice of axes. Larger is better.
enum Merit { kImpossible, kPossible, kOnePerAxis, kNoReshape };

}  // namespace

std::vector<int> dims_in_value_order(const View& view) {
  std::vector<int> order;
  for (int dim = 0; dim < view.rank(); ++dim) {
    if (view.size(dim) > 1) order.push_back(dim);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return view.dims[static_cast<std::size_t>(a)].front().stride >
           view.dims[static_cast<std::size_t>(b)].front().stride;
  });
  return order;
}

namespace {

// As choose_axes(), with at most `most_channels` channels.
std::optional<Axes> choose_axes_within(const std::vector<std::int64_t>& sizes, const std::vector<int>& order,
                                       const std::vector<int>& classes, const TensorShape& preferred,
                                       std::int64_t most_channels) {
  const auto at = [](int dim) { return static_cast<std::size_t>(dim); };
  std::optional<Axes> best;
  Merit merit = kImpossible;
  const auto begin = order.begin();
  for (std::size_t first = 0; first <= order.size(); ++first) {
    for (std::size_t second = first; second <= order.size(); ++second) {
      const auto cut = [&](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
      const Axes axes = {std::vector<int>(begin, cut(first)), std::vector<int>(cut(first), cut(second)),
                         std::vector<int>(cut(second), order.end())};
      TensorShape shape{1, 1, 1};
      Merit found = kOnePerAxis;
      for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        std::int64_t& size = axis == 0 ? shape.height : axis == 1 ? shape.width : shape.channels;
        for (const int dim : axes[axis]) {
          size *= sizes[at(dim)];
          if (classes[at(dim)] != classes[at(axes[axis].front())]) found = kImpossible;
        }
        if (size > (axis == 2 ? most_channels : graph::kMaxDimension)) found = kImpossible;
        if (found == kOnePerAxis && axes[axis].size() > 1) found = kPossible;
      }
      if (found != kImpossible && shape == preferred) found = kNoReshape;
      if (found > merit) {
        merit = found;
        best = axes;
      }
    }
  }
  return best;
}

}  // namespace

std::optional<Axes> choose_axes(const std::vector<std::int64_t>& sizes, const std::vector<int>& order,
                                const std::vector<int>& classes, const TensorShape& preferred) {
  const auto axes = choose_axes_within(sizes, order, classes, preferred, graph::kMaxDimension);
  return axes ? axes : choose_axes_within(sizes, order, classes, preferred, graph::kMaxChannels);
}

AxesOfAtoms channels_last(const View& view, const std::vector<Atom>& channels, const TensorShape& preferred) {
  std::vector<Atom> rest;
  for (const Atom& atom : atoms_of(view)) {
    if (std::find(channels.begin(), channels.end(), atom) == channels.end()) rest.push_back(atom);
  }
  rest = in_value_order(std::move(rest));
  AxesOfAtoms axes{std::vector<Atom>(), rest, in_value_order(channels)};
  for (std::size_t cut = 0; cut <= rest.size(); ++cut) {
    const auto middle = rest.begin() + static_cast<std::ptrdiff_t>(cut);
    const std::vector<Atom> height(rest.begin(), middle);
    const std::vector<Atom> width(middle, rest.end());
    const bool fits = std::max(size_of(height), size_of(width)) <= graph::kMaxDimension;
    const bool as_it_is = size_of(height) == preferred.height && size_of(width) == preferred.width;
    if (as_it_is || (fits && size_of(axes[1]) > graph::kMaxDimension)) {
      axes[0] = height;
      axes[1] = width;
    }
    if (as_it_is) break;
  }
  return axes;
}

Result<View> Layout::shaped(const Node& node, const View& view, const TensorShape& shape) {
  if (graph_.shape(view) == shape) return view;
  NARROW_ASSIGN(const graph::ValueId id, graph_.append(node, graph::Reshape{shape}, {view.value}, {}, "/reshape"));
  return view.of(id);
}

Result<std::vector<PermutationStep>> Layout::permutation(const Node& node, const std::vector<std::int64_t>& sizes,
                                                         const std::vector<int>& target) {
  const auto known = permutations_.find({sizes, target});
  if (known != permutations_.end()) return known->second;
  constexpr std::int64_t kElementsPerSearch = std::int64_t{1} << 19;  // a search of six blocks takes 10 ms
  if (sizes.size() > 4) {
    if (const Status spent = budget_.spend_time(kElementsPerSearch); !spent.ok()) {
      return node_error(node, spent.error().code, spent.error().message);
    }
  }
  return permutations_[{sizes, target}] = plan_permutation(sizes, target);
}

Result<View> Layout::arranged(const Node& node, const View& view, const Axes& axes) {
  return arranged_atoms(node, view, {atoms_of(view, axes[0]), atoms_of(view, axes[1]), atoms_of(view, axes[2])});
}

Result<View> Layout::arranged_atoms(const Node& node, const View& view, const AxesOfAtoms& axes) {
  std::vector<Atom> wanted;
  for (const auto& axis : axes) wanted.insert(wanted.end(), axis.begin(), axis.end());
  if (size_of(wanted) != view.elems()) {
    return node_error(node, ErrorCode::kInternal, "an arrangement that leaves out elements was requested");
  }

  // Blocks are atoms that are neighbours in both orders, merged as far as a dimension allows.
  std::vector<Atom> blocks;
  for (const Atom& atom : wanted) {
    if (!blocks.empty() && blocks.back().stride == atom.size * atom.stride &&
        blocks.back().size * atom.size <= graph::kMaxDimension) {
      blocks.back() = {blocks.back().size * atom.size, atom.stride};
    } else {
      blocks.push_back(atom);
    }
  }
  const std::vector<Atom> present = in_value_order(blocks);
  std::vector<std::int64_t> sizes;
  sizes.reserve(present.size());
  for (const Atom& block : present) sizes.push_back(block.size);
  std::vector<int> target;
  target.reserve(blocks.size());
  for (const Atom& block : blocks) {
    target.push_back(static_cast<int>(std::find(present.begin(), present.end(), block) - present.begin()));
  }

  View at = view;
  NARROW_ASSIGN(const std::vector<PermutationStep> steps, permutation(node, sizes, target));
  for (const PermutationStep& step : steps) {
    NARROW_ASSIGN(const View three, shaped(node, at, step.shape));
    NARROW_ASSIGN(at.value, graph_.append(node, graph::Transpose{step.order}, {three.value}, {}, "/transpose"));
  }
  NARROW_ASSIGN(at, shaped(node, at, {size_of(axes[0]), size_of(axes[1]), size_of(axes[2])}));

  // The strides of the atoms in the new order.
  std::vector<std::int64_t> strides(wanted.size());
  std::int64_t stride = 1;
  for (std::size_t i = wanted.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= wanted[i].size;
  }
  for (Dimension& dim : at.dims) {
    for (Atom& atom : dim) {
      atom.stride = strides[static_cast<std::size_t>(std::find(wanted.begin(), wanted.end(), atom) - wanted.begin())];
    }
  }
  return at;
}

}  // namespace narrow::onnx
