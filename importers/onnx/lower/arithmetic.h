// Elementwise arithmetic with ONNX's broadcasting: dimensions are aligned from the last; each is equal in both tensors,
// or 1 in one of them.
#pragma once

#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// A tensor whose channels are all dimensions along which some constants vary, and those constants by channel.
struct PerChannel {
  View view;
  std::vector<std::vector<float>> values;  // as many as constants, each [channels]
};

// Errors: constants that do not fit, or are larger than the tensor.
[[nodiscard]] Result<PerChannel> per_channel(Lowering& lowering, const Node& node, const View& view,
                                             const std::vector<const Tensor*>& constants);

// view * scale + shift, as a BatchNorm node; nullptr: 1 or 0.
[[nodiscard]] Result<View> affine(Lowering& lowering, const Node& node, const View& view, const Tensor* scale,
                                  const Tensor* shift);

// Add, Subtract or Multiply of two tensors.
[[nodiscard]] Result<View> combined(Lowering& lowering, const Node& node, graph::Op op, View a, View b);

}  // namespace narrow::onnx
