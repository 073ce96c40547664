// Elementwise arithmetic with ONNX's broadcasting: dimensions are aligned from the last. Each is equal in both tensors,
// or 1 in one of them.
#pragma once

#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// A tensor whose channels are all dimensions along which some constant varies, and the values of the constants by
// channel.
struct PerChannel {
  View view;
  std::vector<std::vector<float>> values;  // one vector for each constant, [channels]
};

// Errors: constants that do not fit, or that are larger than the tensor.
[[nodiscard]] Result<PerChannel> per_channel(Lowering& lowering, const Node& node, const View& view,
                                             const std::vector<const Tensor*>& constants);

// Appends view * scale + shift as a BatchNorm. nullptr: a scale of 1, a shift of 0.
[[nodiscard]] Result<View> affine(Lowering& lowering, const Node& node, const View& view, const Tensor* scale,
                                  const Tensor* shift);

// Appends Add, Subtract or Multiply of two tensors.
[[nodiscard]] Result<View> combined(Lowering& lowering, const Node& node, graph::Op op, View a, View b);

}  // namespace narrow::onnx
