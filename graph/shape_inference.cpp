#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/text.h"
#include "base/try.h"
#include "graph/ir.h"
#include "graph/limits.h"
#include "graph/operators.h"

namespace narrow::graph {

using base::shape_text;

namespace {

Error malformed(base::Pieces message) { return Error{ErrorCode::kMalformed, base::joined(message), {}}; }
Error too_large(base::Pieces message) { return Error{ErrorCode::kLimit, base::joined(message), {}}; }

// Checks that each dimension of a shape is within its limit. H * W * C then can't overflow 64 bits (2 * 17 + 21 bits).
Status check_shape(const TensorShape& shape, const char* what) {
  for (const std::int64_t dimension : {shape.height, shape.width, shape.channels}) {
    if (dimension < 1) return malformed({what, " shape ", shape_text(shape), " has a dimension below 1"});
  }
  if (std::max(shape.height, shape.width) > kMaxDimension) {
    return too_large({what, " shape ", shape_text(shape), " has a dimension above ", kMaxDimension});
  }
  if (shape.channels > kMaxChannels) {
    return too_large({what, " shape ", shape_text(shape), " has more channels than ", kMaxChannels});
  }
  if (shape.elems() > kMaxElems) {
    return too_large({what, " shape ", shape_text(shape), " has more than ", kMaxElems, " elements"});
  }
  return {};
}

Status check_attribute(const char* name, std::int64_t value, std::int64_t lowest) {
  if (value >= lowest && value <= kMaxDimension) return {};
  // A file with a larger value may be well-formed.
  if (value > kMaxDimension) return too_large({name, " ", value, " is not within ", lowest, "..", kMaxDimension});
  return malformed({name, " ", value, " is not within ", lowest, "..", kMaxDimension});
}

Status check_window(const Window& window) {
  NARROW_TRY(check_attribute("kernel height", window.kernel_h, 1));
  NARROW_TRY(check_attribute("kernel width", window.kernel_w, 1));
  NARROW_TRY(check_attribute("vertical stride", window.stride_h, 1));
  NARROW_TRY(check_attribute("horizontal stride", window.stride_w, 1));
  NARROW_TRY(check_attribute("vertical dilation", window.dilation_h, 1));
  NARROW_TRY(check_attribute("horizontal dilation", window.dilation_w, 1));
  NARROW_TRY(check_attribute("top padding", window.pad.top, 0));
  NARROW_TRY(check_attribute("left padding", window.pad.left, 0));
  NARROW_TRY(check_attribute("bottom padding", window.pad.bottom, 0));
  NARROW_TRY(check_attribute("right padding", window.pad.right, 0));
  return {};
}

// Number of pixels from the first to the last tap.
std::int64_t extent(int kernel, int dilation) { return (std::int64_t{kernel} - 1) * dilation + 1; }

// Number of positions of a window along one axis. A last, partial window is dropped.
Result<std::int64_t> positions(const char* axis, std::int64_t in, int kernel, int stride, int dilation, int before,
                               int after) {
  const std::int64_t padded = in + before + after;
  const std::int64_t reach = extent(kernel, dilation);
  if (reach > padded) {
    return malformed(
        {"a window ", reach, " pixels ", axis, " does not fit into an input of ", padded, " (padding included)"});
  }
  return (padded - reach) / stride + 1;
}

Result<TensorShape> windowed(const Window& window, const TensorShape& in, std::int64_t channels) {
  NARROW_TRY(check_window(window));
  NARROW_ASSIGN(const std::int64_t height, positions("high", in.height, window.kernel_h, window.stride_h,
                                                     window.dilation_h, window.pad.top, window.pad.bottom));
  NARROW_ASSIGN(const std::int64_t width, positions("wide", in.width, window.kernel_w, window.stride_w,
                                                    window.dilation_w, window.pad.left, window.pad.right));
  return TensorShape{height, width, channels};
}

// A pooling window must hold a pixel of the image at every position. Otherwise there is no maximum.
Status check_pool_padding(std::int64_t in, int kernel, int dilation, int before, int after) {
  if (before == 0 && after == 0) return {};
  if (before >= extent(kernel, dilation) || after >= extent(kernel, dilation)) {
    return malformed({"padding of ", before, " and ", after, " must be smaller than the pooling window, ",
                      extent(kernel, dilation)});
  }
  // Taps are `dilation` apart. On an input at least that long, every window that overlaps it has a tap on one of its
  // pixels.
  if (in < dilation) {
    return malformed({"a padded pooling window with dilation ", dilation, " may miss every pixel of an input of ", in});
  }
  return {};
}

Status check_pool(const Window& window, const TensorShape& in) {
  NARROW_TRY(check_pool_padding(in.height, window.kernel_h, window.dilation_h, window.pad.top, window.pad.bottom));
  return check_pool_padding(in.width, window.kernel_w, window.dilation_w, window.pad.left, window.pad.right);
}

struct Inference {
  const std::vector<TensorShape>& inputs;
  [[nodiscard]] const TensorShape& in() const { return inputs[0]; }

  Result<TensorShape> operator()(const Convolution& op) const {
    NARROW_TRY(check_attribute("out_channels", op.out_channels, 1));
    NARROW_TRY(check_attribute("groups", op.groups, 1));
    if (in().channels % op.groups != 0 || op.out_channels % op.groups != 0) {
      return malformed(
          {op.groups, " groups do not divide ", in().channels, " input and ", op.out_channels, " output channels"});
    }
    return windowed(op.window, in(), op.out_channels);
  }

  Result<TensorShape> operator()(const Linear& op) const {
    NARROW_TRY(check_attribute("out_features", op.out_features, 1));
    return TensorShape{1, 1, op.out_features};
  }

  Result<TensorShape> operator()(const BatchNorm& op) const {
    const auto channels = static_cast<std::size_t>(in().channels);
    for (const auto* vector : {&op.gamma, &op.beta, &op.mean, &op.variance}) {
      if (vector->size() != channels) {
        return malformed({"gamma, beta, mean and variance have ", op.gamma.size(), ", ", op.beta.size(), ", ",
                          op.mean.size(), " and ", op.variance.size(), " elements for ", channels, " channels"});
      }
    }
    return in();
  }

  [[nodiscard]] Result<TensorShape> broadcast() const {
    TensorShape out;
    for (const auto dimension : {&TensorShape::height, &TensorShape::width, &TensorShape::channels}) {
      const std::int64_t a = inputs[0].*dimension;
      const std::int64_t b = inputs[1].*dimension;
      if (a != b && a != 1 && b != 1) {
        return malformed({"inputs ", shape_text(inputs[0]), " and ", shape_text(inputs[1]),
                          " differ in a dimension that is 1 in neither"});
      }
      out.*dimension = a == 1 ? b : a;
    }
    return out;
  }

  Result<TensorShape> operator()(const Add&) const { return broadcast(); }
  Result<TensorShape> operator()(const Subtract&) const { return broadcast(); }
  Result<TensorShape> operator()(const Multiply&) const { return broadcast(); }
  Result<TensorShape> operator()(const Maximum&) const { return broadcast(); }
  Result<TensorShape> operator()(const Minimum&) const { return broadcast(); }

  Result<TensorShape> operator()(const MaxPool& op) const {
    NARROW_ASSIGN(const TensorShape shape, windowed(op.window, in(), in().channels));
    NARROW_TRY(check_pool(op.window, in()));
    return shape;
  }

  Result<TensorShape> operator()(const AveragePool& op) const {
    NARROW_ASSIGN(const TensorShape shape, windowed(op.window, in(), in().channels));
    NARROW_TRY(check_pool(op.window, in()));
    if (op.window.dilation_h != 1 || op.window.dilation_w != 1) {
      return malformed({"average pooling supports no dilation other than 1"});
    }
    if (std::int64_t{op.window.kernel_h} * op.window.kernel_w > kMaxAveragePixels) {
      return too_large({"an averaging window may have at most ", kMaxAveragePixels, " pixels"});
    }
    return shape;
  }

  Result<TensorShape> operator()(const GlobalAveragePool&) const {
    if (in().height * in().width > kMaxAveragePixels) {
      return too_large({"an averaging window may have at most ", kMaxAveragePixels, " pixels"});
    }
    return TensorShape{1, 1, in().channels};
  }

  Result<TensorShape> operator()(const Concat&) const {
    TensorShape shape = in();
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i].height != shape.height || inputs[i].width != shape.width) {
        return malformed(
            {"inputs ", shape_text(inputs[0]), " and ", shape_text(inputs[i]), " differ in height or width"});
      }
      shape.channels += inputs[i].channels;
      if (shape.channels > kMaxChannels) {
        return too_large({"the inputs have more than ", kMaxChannels, " channels together"});
      }
    }
    return shape;
  }

  Result<TensorShape> operator()(const PadChannels& op) const {
    NARROW_TRY(check_attribute("channels before", op.before, 0));
    NARROW_TRY(check_attribute("channels after", op.after, 0));
    return TensorShape{in().height, in().width, in().channels + op.before + op.after};
  }

  Result<TensorShape> operator()(const Pad& op) const {
    Window window;
    window.pad = op.pad;
    return windowed(window, in(), in().channels);
  }

  Result<TensorShape> operator()(const Slice& op) const {
    for (const auto dimension : {&TensorShape::height, &TensorShape::width, &TensorShape::channels}) {
      const std::int64_t begin = op.begin.*dimension;
      const std::int64_t size = op.size.*dimension;
      // The comparisons can't overflow.
      if (begin < 0 || size < 1 || size > in().*dimension || begin > in().*dimension - size) {
        return malformed({"elements from ", shape_text(op.begin), ", ", shape_text(op.size), " of them, are not in ",
                          shape_text(in())});
      }
    }
    return op.size;
  }

  Result<TensorShape> operator()(const Gather& op) const {
    if (op.dimension < 0 || op.dimension > 2) {
      return malformed({"dimension ", op.dimension, " is not 0, 1 or 2"});
    }
    TensorShape shape = in();
    std::int64_t& size = op.dimension == 0 ? shape.height : op.dimension == 1 ? shape.width : shape.channels;
    for (const std::int32_t index : op.indices) {
      if (index >= 0 && index < size) continue;
      return malformed({"index ", index, " is not in a dimension of ", size});
    }
    size = static_cast<std::int64_t>(op.indices.size());
    return shape;
  }

  Result<TensorShape> operator()(const Reshape& op) const {
    NARROW_TRY(check_shape(op.shape, "new"));
    if (op.shape.elems() == in().elems()) return op.shape;
    return malformed(
        {shape_text(in()), " cannot become ", shape_text(op.shape), ", which has another number of elements"});
  }

  Result<TensorShape> operator()(const Transpose& op) const {
    std::array<int, 3> sorted = op.order;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != std::array<int, 3>{0, 1, 2}) return malformed({"the order is not a permutation of 0, 1 and 2"});
    const std::array<std::int64_t, 3> from{in().height, in().width, in().channels};
    const auto at = [&](std::size_t i) { return from[static_cast<std::size_t>(op.order[i])]; };
    return TensorShape{at(0), at(1), at(2)};
  }

  Result<TensorShape> operator()(const Lrn& op) const {
    NARROW_TRY(check_attribute("size", op.size, 1));
    return in();
  }

  Result<TensorShape> operator()(const LayerNorm& op) const {
    const auto channels = static_cast<std::size_t>(in().channels);
    if (op.scale.size() == channels && op.shift.size() == channels) return in();
    return malformed(
        {"has ", op.scale.size(), " scales and ", op.shift.size(), " shifts for ", in().channels, " channels"});
  }

  Result<TensorShape> operator()(const Function& op) const {
    if (op.slopes.size() != (row_of(op.kind).has_slopes ? static_cast<std::size_t>(in().channels) : 0)) {
      return malformed({"has ", op.slopes.size(), " slopes for ", in().channels, " channels"});
    }
    return in();
  }

  Result<TensorShape> operator()(const Softmax&) const { return in(); }
  Result<TensorShape> operator()(const LogSoftmax&) const { return in(); }
  Result<TensorShape> operator()(const Flatten&) const { return TensorShape{1, 1, in().elems()}; }
  Result<TensorShape> operator()(const Activation&) const { return in(); }
  Result<TensorShape> operator()(const Identity&) const { return in(); }
  Result<TensorShape> operator()(const Quantize&) const { return in(); }
  Result<TensorShape> operator()(const Dequantize&) const { return in(); }
};

Status check_input_count(const Op& op, std::size_t count) {
  const InputCount& inputs = row_of(op).inputs;
  if (count >= inputs.min && count <= inputs.max) return {};
  std::string needs = base::joined({inputs.min, inputs.min == 1 ? " input" : " inputs"});
  if (inputs.max > inputs.min) needs = "two or more inputs";
  return malformed({"needs ", needs, ", has ", count});
}

}  // namespace

Result<TensorShape> infer_shape(const Op& op, const std::vector<TensorShape>& inputs) {
  NARROW_TRY(check_input_count(op, inputs.size()));
  for (const TensorShape& shape : inputs) NARROW_TRY(check_shape(shape, "input"));
  NARROW_ASSIGN(const TensorShape shape, graph::visit(Inference{inputs}, op));
  NARROW_TRY(check_shape(shape, "output"));
  return shape;
}

}  // namespace narrow::graph
