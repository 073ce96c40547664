// The layout of an N-dimensional ONNX tensor in a value of the graph.
//
// Transposes and reshapes only change this description. A value is its elements in row-major order of [height, width,
// channels]. Each logical dimension consists of atoms. An atom has a size and a stride in the value, as a dimension of
// a strided array has. The atoms together visit every element once.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "graph/ir.h"

namespace narrow::onnx {

struct Atom {
  std::int64_t size = 1;    // 2 or more
  std::int64_t stride = 1;  // distance between neighbours in the value, in elements
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
  // The same view of another value with the same number of elements.
  [[nodiscard]] View of(graph::ValueId other) const { return {other, dims}; }
};

// A logical dimension and its size.
using SizedDim = std::pair<int, std::int64_t>;

// The view of a value whose elements are in row-major order of these dimensions. Dimensions of `rank` that are not
// listed have size 1.
[[nodiscard]] View laid_out(graph::ValueId value, int rank, const std::vector<SizedDim>& order);

// A view with dimensions of these sizes in row-major order.
[[nodiscard]] View row_major(graph::ValueId value, const std::vector<std::int64_t>& sizes);

// Dimension i of the result is dimension order[i]. Precondition: order is a permutation.
[[nodiscard]] View transposed(const View& view, const std::vector<int>& order);

// The view with other dimensions over the same elements in the same logical order. Precondition: sizes >= 1 with the
// same product. Nothing: the atoms do not divide that way, and the tensor must first be brought into logical order.
[[nodiscard]] std::optional<View> reshaped(const View& view, const std::vector<std::int64_t>& sizes);

// Sorts atoms from the largest stride to the smallest, which is the order of the value.
[[nodiscard]] std::vector<Atom> in_value_order(std::vector<Atom> atoms);

// All atoms of these dimensions, or of all dimensions, in logical order.
[[nodiscard]] std::vector<Atom> atoms_of(const View& view, const std::vector<int>& dims);
[[nodiscard]] std::vector<Atom> atoms_of(const View& view);

// Element i of the result is the index, in logical order of `atoms`, of the element that is i-th in the value. Empty:
// both orders are the same.
[[nodiscard]] std::vector<std::int64_t> value_order_of(const std::vector<Atom>& atoms);

}  // namespace narrow::onnx
