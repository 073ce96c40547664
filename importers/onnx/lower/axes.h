// Which logical dimensions become height, width and channels when an operator leaves the choice.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Dimensions larger than 1, from the outermost in the value to the innermost.
[[nodiscard]] std::vector<int> dims_in_value_order(const View& view);

// Cuts `order` into three runs so that dimensions of different classes never share an axis: the cut that gives
// `preferred`, which saves a Reshape, else one axis per dimension, else the first that stays within a tensor's limits.
// classes: by logical dimension. Nothing: there are too many classes for three axes.
[[nodiscard]] std::optional<Axes> choose_axes(const std::vector<std::int64_t>& sizes, const std::vector<int>& order,
                                              const std::vector<int>& classes, const TensorShape& preferred);

// `channels` innermost, in their order in the value, all other atoms of `view` as height and width in theirs.
[[nodiscard]] AxesOfAtoms channels_last(const View& view, const std::vector<Atom>& channels,
                                        const TensorShape& preferred);

}  // namespace narrow::onnx
