// Cutting out parts of a tensor and putting zeros around it, along any of its dimensions.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Along one dimension: the elements [begin, begin + size).
struct Cut {
  int dim = 0;
  std::int64_t begin = 0;
  std::int64_t size = 0;
};
[[nodiscard]] Result<View> cut(Lowering& lowering, const Node& node, View view, const std::vector<Cut>& cuts);

// Every `step`-th element along a dimension, beginning with the first.
[[nodiscard]] Result<View> every(Lowering& lowering, const Node& node, const View& view, int dim, std::int64_t step);

// Zeros before and after a dimension.
struct Zeros {
  int dim = 0;
  std::int64_t before = 0;
  std::int64_t after = 0;
};
[[nodiscard]] Result<View> padded(Lowering& lowering, const Node& node, View view, const std::vector<Zeros>& zeros);

}  // namespace narrow::onnx
