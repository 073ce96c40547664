// Attributes that several operators share, checked and with their defaults.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

[[nodiscard]] Result<std::int64_t> int_or(const Node& node, std::string_view attribute, std::int64_t otherwise);
[[nodiscard]] Result<float> float_or(const Node& node, std::string_view attribute, float otherwise);
[[nodiscard]] Result<std::string> string_or(const Node& node, std::string_view attribute, std::string_view otherwise);

// An axis of a tensor of this rank; negative ones count from the end. Error: there is no such axis.
[[nodiscard]] Result<int> axis_of(const Node& node, std::int64_t axis, int rank);
// Several, ascending. Error: one is named twice.
[[nodiscard]] Result<std::vector<int>> axes_of(const Node& node, const std::vector<std::int64_t>& axes, int rank);

struct WindowArguments {
  graph::Window window;
  // What `ceil_mode` adds below and to the right of the padding that is stated; part of window.pad.
  int ceil_bottom = 0;
  int ceil_right = 0;
};

// strides, dilations, pads or auto_pad, and ceil_mode of a node that slides kernel_h x kernel_w pixels over a picture
// of height x width. Windows that would start beyond the picture and its padding at the top or left do not exist
// (operator set 22, as in PyTorch).
[[nodiscard]] Result<WindowArguments> window_of(const Node& node, std::int64_t height, std::int64_t width,
                                                std::int64_t kernel_h, std::int64_t kernel_w);

// kernel_shape of a pooling node, two numbers.
[[nodiscard]] Result<std::vector<std::int64_t>> kernel_shape_of(const Node& node);

// Refuses anything but pictures: a tensor [N, C, H, W].
[[nodiscard]] Status must_be_picture(const Node& node, int rank);

}  // namespace narrow::onnx
