#include "importers/onnx/lower/arguments.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {
namespace {

using graph::kMaxDimension;

Result<std::vector<std::int64_t>> numbers(const Node& node, std::string_view attribute, std::size_t count,
                                          std::int64_t otherwise, std::int64_t lowest) {
  NARROW_ASSIGN(const auto given, node.find_ints(attribute));
  if (!given) return std::vector<std::int64_t>(count, otherwise);
  if (given->size() != count) {
    return unsupported(node,
                       std::string(attribute) + " has " + std::to_string(given->size()) + " numbers; only " +
                           std::to_string(count) + ", for images, are supported",
                       next_step::kReplace);
  }
  for (const std::int64_t number : *given) {
    if (number < lowest || number > kMaxDimension) {
      return malformed(node, std::string(attribute) + " holds " + std::to_string(number) + ", which is not within " +
                                 std::to_string(lowest) + ".." + std::to_string(kMaxDimension));
    }
  }
  return *given;
}

struct Side {
  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t added_by_ceil = 0;
};

// extent: number of pixels from the first to the last tap of the window.
Side side_of(const std::string& auto_pad, const Side& given, std::int64_t size, std::int64_t extent,
             std::int64_t stride, bool ceil) {
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    const std::int64_t windows = (size + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>((windows - 1) * stride + extent - size, 0);
    const std::int64_t less = total / 2;
    return auto_pad == "SAME_UPPER" ? Side{less, total - less} : Side{total - less, less};
  }
  Side side = auto_pad == "VALID" ? Side{} : given;
  const std::int64_t padded = size + side.before + side.after;
  if (!ceil || padded < extent) return side;
  std::int64_t windows = (padded - extent + stride - 1) / stride + 1;
  if ((windows - 1) * stride >= size + side.before) --windows;
  const std::int64_t reach = (windows - 1) * stride + extent;
  side.added_by_ceil = std::max<std::int64_t>(reach - padded, 0);
  side.after += side.added_by_ceil;
  return side;
}

}  // namespace

Result<std::int64_t> int_or(const Node& node, std::string_view attribute, std::int64_t otherwise) {
  NARROW_ASSIGN(const auto given, node.find_int(attribute));
  return given.value_or(otherwise);
}

Result<float> float_or(const Node& node, std::string_view attribute, float otherwise) {
  NARROW_ASSIGN(const auto given, node.find_float(attribute));
  return given.value_or(otherwise);
}

Result<std::string> string_or(const Node& node, std::string_view attribute, std::string_view otherwise) {
  NARROW_ASSIGN(const auto given, node.find_string(attribute));
  return given ? *given : std::string(otherwise);
}

Result<int> axis_of(const Node& node, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return malformed(node, "axis " + std::to_string(axis) + " does not exist in a tensor of " + std::to_string(rank) +
                               " dimensions");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Result<std::vector<int>> axes_of(const Node& node, const std::vector<std::int64_t>& axes, int rank) {
  std::set<int> result;
  for (const std::int64_t axis : axes) {
    NARROW_ASSIGN(const int found, axis_of(node, axis, rank));
    if (!result.insert(found).second) return malformed(node, "axis " + std::to_string(axis) + " is named twice");
  }
  return std::vector<int>(result.begin(), result.end());
}

Result<WindowArguments> window_of(const Node& node, int sides, std::int64_t height, std::int64_t width,
                                  std::int64_t kernel_h, std::int64_t kernel_w) {
  for (const std::int64_t kernel : {kernel_h, kernel_w}) {
    if (kernel < 1 || kernel > kMaxDimension) {
      return malformed(
          node, "a kernel of " + std::to_string(kernel) + " pixels is not within 1.." + std::to_string(kMaxDimension));
    }
  }
  const auto count = static_cast<std::size_t>(sides);
  NARROW_ASSIGN(auto strides, numbers(node, "strides", count, 1, 1));
  NARROW_ASSIGN(auto dilations, numbers(node, "dilations", count, 1, 1));
  NARROW_ASSIGN(auto pads, numbers(node, "pads", 2 * count, 0, 0));
  if (sides == 1) {
    strides.insert(strides.begin(), 1);
    dilations.insert(dilations.begin(), 1);
    pads = {0, pads[0], 0, pads[1]};
  }
  NARROW_ASSIGN(const std::string auto_pad, string_or(node, "auto_pad", "NOTSET"));
  NARROW_ASSIGN(const std::int64_t ceil, int_or(node, "ceil_mode", 0));
  const bool known = auto_pad == "NOTSET" || auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER" ||
                     auto_pad == "VALID" || auto_pad.empty();
  if (!known) return malformed(node, "auto_pad " + base::in_quotes(auto_pad) + " does not exist");

  const Side vertical =
      side_of(auto_pad, {pads[0], pads[2]}, height, (kernel_h - 1) * dilations[0] + 1, strides[0], ceil != 0);
  const Side horizontal =
      side_of(auto_pad, {pads[1], pads[3]}, width, (kernel_w - 1) * dilations[1] + 1, strides[1], ceil != 0);
  for (const Side& side : {vertical, horizontal}) {
    if (std::max(side.before, side.after) > kMaxDimension) {
      return node_error(node, ErrorCode::kLimit, "needs padding of more than " + std::to_string(kMaxDimension));
    }
  }
  WindowArguments result;
  result.window.kernel_h = static_cast<int>(kernel_h);
  result.window.kernel_w = static_cast<int>(kernel_w);
  result.window.stride_h = static_cast<int>(strides[0]);
  result.window.stride_w = static_cast<int>(strides[1]);
  result.window.dilation_h = static_cast<int>(dilations[0]);
  result.window.dilation_w = static_cast<int>(dilations[1]);
  result.window.pad = {static_cast<int>(vertical.before), static_cast<int>(horizontal.before),
                       static_cast<int>(vertical.after), static_cast<int>(horizontal.after)};
  result.ceil_bottom = static_cast<int>(vertical.added_by_ceil);
  result.ceil_right = static_cast<int>(horizontal.added_by_ceil);
  return result;
}

Result<std::vector<std::int64_t>> kernel_shape_of(const Node& node, int sides) {
  NARROW_ASSIGN(const auto given, node.find_ints("kernel_shape"));
  if (!given) return malformed(node, "kernel_shape is missing");
  NARROW_ASSIGN(auto kernel, numbers(node, "kernel_shape", static_cast<std::size_t>(sides), 1, 1));
  if (sides == 1) kernel.insert(kernel.begin(), 1);
  return kernel;
}

Result<View> as_image(const Node& node, const View& view) {
  if (view.rank() == 4) return view;
  if (view.rank() == 3) {
    View image = view;
    image.dims.insert(image.dims.begin() + 2, Dimension{});
    return image;
  }
  return unsupported(node,
                     "its input has " + std::to_string(view.rank()) +
                         " dimensions; only images [N, C, H, W] and rows [N, C, L] are supported, no 3-D form",
                     next_step::kReplace);
}

}  // namespace narrow::onnx
