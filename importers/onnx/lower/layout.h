// Bringing a tensor's logical dimensions to height, width and channels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "importers/onnx/lower/graph_writer.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// Logical dimensions for height, width and channels; each list outermost first.
using Axes = std::array<std::vector<int>, 3>;
using AxesOfAtoms = std::array<std::vector<Atom>, 3>;

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

// Appends the Reshape and Transpose nodes that an order needs, and none where the value has that order.
class Layout {
 public:
  // `graph` must outlive this.
  explicit Layout(GraphWriter& graph) : graph_(graph) {}

  // The same elements with these logical dimensions as height, width and channels. Dimensions of size 1 need not be
  // mentioned.
  Result<View> arranged(const Node& node, const View& view, const Axes& axes);
  Result<View> arranged_atoms(const Node& node, const View& view, const AxesOfAtoms& axes);
  // The same elements in the same order as another shape.
  Result<View> shaped(const Node& node, const View& view, const TensorShape& shape);

 private:
  GraphWriter& graph_;
};

}  // namespace narrow::onnx
