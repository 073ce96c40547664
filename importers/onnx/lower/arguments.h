// Attributes that several operators share, checked and with default values.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/lower/view.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

[[nodiscard]] Result<std::int64_t> int_or(const Node& node, std::string_view attribute, std::int64_t otherwise);
[[nodiscard]] Result<float> float_or(const Node& node, std::string_view attribute, float otherwise);
[[nodiscard]] Result<std::string> string_or(const Node& node, std::string_view attribute, std::string_view otherwise);

// The index of an axis in a tensor of this rank. Negative axes count from the end. Error: there is no such axis.
[[nodiscard]] Result<int> axis_of(const Node& node, std::int64_t axis, int rank);
// The indices of several axes, ascending. Error: one is named twice.
[[nodiscard]] Result<std::vector<int>> axes_of(const Node& node, const std::vector<std::int64_t>& axes, int rank);

struct WindowArguments {
  graph::Window window;
  // What `ceil_mode` adds below and to the right of the file's padding. window.pad includes it.
  int ceil_bottom = 0;
  int ceil_right = 0;
};

// Reads strides, dilations, pads or auto_pad, and ceil_mode of a node with a kernel_h x kernel_w window on an image of
// height x width. sides: 2, or 1 for [N, C, L], whose pixels are one row; the attributes then have half as many
// numbers. Windows that would start after the image and its padding at the top or left do not exist (operator set 22,
// as in PyTorch).
[[nodiscard]] Result<WindowArguments> window_of(const Node& node, int sides, std::int64_t height, std::int64_t width,
                                                std::int64_t kernel_h, std::int64_t kernel_w);

// The kernel_shape of a pooling node, two numbers. sides: as above.
[[nodiscard]] Result<std::vector<std::int64_t>> kernel_shape_of(const Node& node, int sides);

// The view of an image [N, C, H, W], or of [N, C, L] as an image with one row. Error: it is neither.
[[nodiscard]] Result<View> as_image(const Node& node, const View& view);

}  // namespace narrow::onnx
