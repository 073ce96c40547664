#include "importers/onnx/lower/axes.h"

#include <algorithm>

#include "graph/limits.h"

namespace narrow::onnx {
namespace {

// How good an axis assignment is; the larger the better.
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

std::optional<Axes> choose_axes(const std::vector<std::int64_t>& sizes, const std::vector<int>& order,
                                const std::vector<int>& classes, const TensorShape& preferred) {
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
        if (size > graph::kMaxDimension) found = kImpossible;
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

}  // namespace narrow::onnx
