#include "importers/onnx/lower/view.h"

#include <algorithm>
#include <numeric>

namespace narrow::onnx {
namespace {

// Merges atoms that are neighbours in logical order and in the value.
std::vector<Atom> merged(const std::vector<Atom>& atoms) {
  std::vector<Atom> result;
  for (const Atom& atom : atoms) {
    if (!result.empty() && result.back().stride == atom.size * atom.stride) {
      result.back() = {result.back().size * atom.size, atom.stride};
    } else {
      result.push_back(atom);
    }
  }
  return result;
}

}  // namespace

std::int64_t size_of(const Dimension& atoms) {
  std::int64_t size = 1;
  for (const Atom& atom : atoms) size *= atom.size;
  return size;
}

std::vector<std::int64_t> View::sizes() const {
  std::vector<std::int64_t> result;
  result.reserve(dims.size());
  for (const Dimension& dim : dims) result.push_back(size_of(dim));
  return result;
}

std::int64_t View::elems() const {
  std::int64_t count = 1;
  for (const Dimension& dim : dims) count *= size_of(dim);
  return count;
}

View laid_out(graph::ValueId value, int rank, const std::vector<SizedDim>& order) {
  View view{value, std::vector<Dimension>(static_cast<std::size_t>(rank))};
  std::int64_t stride = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    const std::int64_t size = order[i].second;
    if (size == 1) continue;
    view.dims[static_cast<std::size_t>(order[i].first)] = {{size, stride}};
    stride *= size;
  }
  return view;
}

View row_major(graph::ValueId value, const std::vector<std::int64_t>& sizes) {
  std::vector<SizedDim> order;
  order.reserve(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) order.emplace_back(static_cast<int>(i), sizes[i]);
  return laid_out(value, static_cast<int>(sizes.size()), order);
}

View transposed(const View& view, const std::vector<int>& order) {
  View result{view.value, {}};
  result.dims.reserve(order.size());
  for (const int dim : order) result.dims.push_back(view.dims[static_cast<std::size_t>(dim)]);
  return result;
}

std::optional<View> reshaped(const View& view, const std::vector<std::int64_t>& sizes) {
  std::vector<Atom> atoms = merged(atoms_of(view));
  std::reverse(atoms.begin(), atoms.end());  // the next atom is the last element
  View result{view.value, {}};
  result.dims.reserve(sizes.size());
  for (const std::int64_t size : sizes) {
    Dimension dim;
    for (std::int64_t missing = size; missing > 1;) {
      if (atoms.empty()) return std::nullopt;
      Atom& atom = atoms.back();
      if (missing % atom.size == 0) {
        missing /= atom.size;
        dim.push_back(atom);
        atoms.pop_back();
      } else if (atom.size % missing == 0) {
        atom.size /= missing;
        dim.push_back({missing, atom.stride * atom.size});
        missing = 1;
      } else {
        return std::nullopt;
      }
    }
    result.dims.push_back(std::move(dim));
  }
  return result;
}

std::vector<Atom> in_value_order(std::vector<Atom> atoms) {
  std::sort(atoms.begin(), atoms.end(), [](const Atom& a, const Atom& b) { return a.stride > b.stride; });
  return atoms;
}

std::vector<Atom> atoms_of(const View& view, const std::vector<int>& dims) {
  std::vector<Atom> atoms;
  for (const int dim : dims) {
    const Dimension& from = view.dims[static_cast<std::size_t>(dim)];
    atoms.insert(atoms.end(), from.begin(), from.end());
  }
  return atoms;
}

std::vector<Atom> atoms_of(const View& view) {
  std::vector<int> all(view.dims.size());
  std::iota(all.begin(), all.end(), 0);
  return atoms_of(view, all);
}

std::vector<std::int64_t> value_order_of(const std::vector<Atom>& atoms) {
  const std::vector<Atom> sorted = in_value_order(atoms);
  if (sorted == atoms) return {};
  // The stride of each atom in logical order.
  std::vector<std::int64_t> result{0};
  for (const Atom& atom : sorted) {
    std::int64_t step = 1;
    for (std::size_t i = atoms.size(); atoms[--i] != atom;) step *= atoms[i].size;
    std::vector<std::int64_t> next;
    next.reserve(result.size() * static_cast<std::size_t>(atom.size));
    for (const std::int64_t base : result) {
      for (std::int64_t k = 0; k < atom.size; ++k) next.push_back(base + k * step);
    }
    result = std::move(next);
  }
  return result;
}

}  // namespace narrow::onnx
