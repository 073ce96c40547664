// Moves elements along logical dimensions. Both real numbers and integers can be moved.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Three axes, in the order of the value, on which each of `dims` is alone. Nothing: there are too many dimensions.
[[nodiscard]] std::optional<Axes> axes_with(const Lowering& lowering, const View& view, const std::vector<int>& dims);

// The axis on which a dimension is alone; -1 if there is none.
[[nodiscard]] int axis_with(const Axes& axes, int dim);

// The view of a value whose axes hold the dimensions of `before`, which now have these sizes.
[[nodiscard]] View relaid(graph::ValueId id, const View& before, const Axes& axes,
                          const std::vector<std::int64_t>& sizes);

[[nodiscard]] Error too_many_dimensions(const Node& node);

// The elements [begin, begin + size) along one dimension.
struct Cut {
  int dim = 0;
  std::int64_t begin = 0;
  std::int64_t size = 0;
};
[[nodiscard]] Result<View> cut(Lowering& lowering, const Node& node, View view, const std::vector<Cut>& cuts);

// Element i along a dimension becomes element indices[i]. Precondition: the indices are in the dimension, and there is
// one or more. Error (kLimit): there are more than a dimension can have.
[[nodiscard]] Result<View> gathered(Lowering& lowering, const Node& node, const View& view, int dim,
                                    const std::vector<std::int64_t>& indices);

// `times` copies of a dimension of size 1.
[[nodiscard]] Result<View> repeated(Lowering& lowering, const Node& node, const View& view, int dim,
                                    std::int64_t times);

// The tensor with other dimensions, whose product is the same. If its atoms do not divide that way, it is first
// arranged in logical order.
[[nodiscard]] Result<View> with_dims(Lowering& lowering, const Node& node, const View& view,
                                     const std::vector<std::int64_t>& dims);

}  // namespace narrow::onnx
