// Arranges a tensor's logical dimensions as height, width and channels.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "importers/onnx/fold/budget.h"
#include "importers/onnx/lower/graph_writer.h"
#include "importers/onnx/lower/permutation.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// The dimensions of a batch of images in ONNX, and their number.
enum ImageDimension : std::uint8_t { kBatch, kChannels, kHeight, kWidth, kImageRank };

// The logical dimensions that form height, width and channels. Each list is outermost first.
using Axes = std::array<std::vector<int>, 3>;
using AxesOfAtoms = std::array<std::vector<Atom>, 3>;

// The dimensions larger than 1, from the outermost in the value to the innermost.
[[nodiscard]] std::vector<int> dims_in_value_order(const View& view);

// Cuts `order` into three axes so that dimensions of different classes never share an axis. It prefers the cut with the
// shape `preferred`, which saves a Reshape, then one axis per dimension, then the first cut within a tensor's limits.
// classes: by logical dimension. Nothing: the classes do not fit on three axes.
[[nodiscard]] std::optional<Axes> choose_axes(const std::vector<std::int64_t>& sizes, const std::vector<int>& order,
                                              const std::vector<int>& classes, const TensorShape& preferred);

// `channels` as the innermost axis, and all other atoms of `view` as height and width, all in the order of the value.
[[nodiscard]] AxesOfAtoms channels_last(const View& view, const std::vector<Atom>& channels,
                                        const TensorShape& preferred);

// Appends the Reshape and Transpose nodes that an order requires. If the value has that order, it appends none.
class Layout {
 public:
  // `graph` and `budget` must outlive this.
  Layout(GraphWriter& graph, Budget& budget) : graph_(graph), budget_(budget) {}

  // The same elements with these logical dimensions as height, width and channels. Dimensions of size 1 may be left
  // out.
  Result<View> arranged(const Node& node, const View& view, const Axes& axes);
  Result<View> arranged_atoms(const Node& node, const View& view, const AxesOfAtoms& axes);
  // The same elements in the same order with another shape.
  Result<View> shaped(const Node& node, const View& view, const TensorShape& shape);

 private:
  // plan_permutation(), which may search. Networks ask for few permutations, many times.
  Result<std::vector<PermutationStep>> permutation(const Node& node, const std::vector<std::int64_t>& sizes,
                                                   const std::vector<int>& target);

  GraphWriter& graph_;
  Budget& budget_;
  std::map<std::pair<std::vector<std::int64_t>, std::vector<int>>, std::vector<PermutationStep>> permutations_;
};

}  // namespace narrow::onnx
