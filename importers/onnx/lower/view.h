// How an N-dimensional ONNX tensor lies in a value of the graph.
//
// Transposing and reshaping only changes this description. A value is its elements in row-major order of
// [height, width, channels]; each logical dimension consists of atoms, and an atom steps through the value with its
// stride, as in a strided array. Together the atoms visit every element once.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "graph/ir.h"

namespace narrow::onnx {

struct Atom {
  std::int64_t size = 1;    // 2 or more
  std::int64_t stride = 1;  // elements of the value from one to the next
  friend bool operator==(const Atom&, const Atom&) = default;
};

// Outermost first. A dimension of size 1 has no atoms.
using Dimension = std::vector<Atom>;

[[nodiscard]] std::int64_t size_of(const Dimension& atoms);

struct View {
  graph::ValueId value = graph::kNoValue;
  std::vector<Dimension> dims;

  [[nodiscard]] int rank() const { return static_cast<int>(dims.size()); }
  [[nodiscard]] std::int64_t size(int dim) const { return size_of(dims[static_cast<std::size_t>(dim)]); }
  [[nodiscard]] std::vector<std::int64_t> sizes() const;
  [[nodiscard]] std::int64_t elems() const;
  // The same layout of another value with as many elements.
  [[nodiscard]] View of(graph::ValueId other) const { return {other, dims}; }
};

// A logical dimension and its size.
using SizedDim = std::pair<int, std::int64_t>;

// The view of a value whose elements are in row-major order of these dimensions. Those of `rank` dimensions that are
// not mentioned have size 1.
[[nodiscard]] View laid_out(graph::ValueId value, int rank, const std::vector<SizedDim>& order);

// Dimensions of these sizes in row-major order.
[[nodiscard]] View row_major(graph::ValueId value, const std::vector<std::int64_t>& sizes);

// Dimension i of the result is dimension order[i]. Precondition: a permutation.
[[nodiscard]] View transposed(const View& view, const std::vector<int>& order);

// Other dimensions over the same elements in the same logical order. Precondition: sizes of 1 or more with the same
// product. Nothing: the atoms do not divide that way, and the tensor has to be brought into logical order first.
[[nodiscard]] std::optional<View> reshaped(const View& view, const std::vector<std::int64_t>& sizes);

// Atoms from the largest stride to the smallest: the order of the value.
[[nodiscard]] std::vector<Atom> in_value_order(std::vector<Atom> atoms);

// All atoms of these dimensions, or of all, in logical order.
[[nodiscard]] std::vector<Atom> atoms_of(const View& view, const std::vector<int>& dims);
[[nodiscard]] std::vector<Atom> atoms_of(const View& view);

// Reads elements that are in logical order of `atoms` in the order of the value: element i of the result is the logical
// index of the element that comes i-th in the value. Empty: they are the same.
[[nodiscard]] std::vector<std::int64_t> value_order_of(const std::vector<Atom>& atoms);

}  // namespace narrow::onnx
