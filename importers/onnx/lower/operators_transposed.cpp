// ConvTranspose: a convolution whose outputs between the pixels of its input are channels, and a rearrangement.
//
// With a stride s, output q (before the padding is cut off) is the sum over taps j of x[m - j] * w[r + s * j], where m
// is q / s and r the remainder. So each of the s remainders is an output channel of a convolution with every s-th
// weight, in reversed order. What it computes at m, r belongs at q = m * s + r, as in DepthToSpace. (ONNX
// ConvTranspose; Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?".)
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/checked.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

using base::Checked;
using graph::kMaxDimension;

// One of height and width.
struct TransposedSide {
  std::int64_t size = 1;  // of the input
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_before = 0;  // pixels of the output that are cut off
  std::int64_t out = 1;         // those that are left

  [[nodiscard]] std::int64_t extent() const { return (kernel - 1) * dilation + 1; }
  // Taps of the convolution.
  [[nodiscard]] std::int64_t taps() const { return (extent() + stride - 1) / stride; }
  // Its padding. Its first output is at m = taps - 1 - before.
  [[nodiscard]] std::int64_t before() const { return std::max<std::int64_t>(taps() - 1 - pad_before / stride, 0); }
  [[nodiscard]] std::int64_t after() const {
    return std::max<std::int64_t>((out - 1 + pad_before) / stride + 1 - size, 0);
  }
  // Rows of the rearranged output before the first that is wanted.
  [[nodiscard]] std::int64_t skipped() const { return pad_before - stride * (taps() - 1 - before()); }
  // The weight of remainder r at tap t; -1: there is none, which counts as 0.
  [[nodiscard]] std::int64_t weight_of(std::int64_t r, std::int64_t t) const {
    const std::int64_t at = r + stride * (taps() - 1 - t);
    return at < extent() && at % dilation == 0 ? at / dilation : -1;
  }
};

// One number for height and one for width. Nothing is given: zeros.
Result<std::array<std::int64_t, 2>> per_side(const Node& node, std::string_view attribute, int sides) {
  NARROW_ASSIGN(const auto given, node.find_ints(attribute));
  std::array<std::int64_t, 2> numbers{};
  if (!given || given->empty()) return numbers;
  const auto count = static_cast<std::size_t>(sides);
  if (given->size() != count && (attribute != "output_shape" || given->size() != count + 2)) {
    return malformed(node, std::string(attribute) + " has " + std::to_string(given->size()) + " numbers for " +
                               std::to_string(sides) + " sides");
  }
  numbers[0] = sides == 1 && attribute == "output_shape" ? 1 : 0;
  std::copy(given->end() - sides, given->end(), numbers.end() - sides);
  for (const std::int64_t number : numbers) {
    if (number >= 0 && number <= kMaxDimension) continue;
    return malformed(node, std::string(attribute) + " holds " + std::to_string(number) + ", which is not within 0.." +
                               std::to_string(kMaxDimension));
  }
  return numbers;
}

// Sets the padding that leaves `wanted` of `natural` pixels. Pixels that are wanted beyond those come at the end.
void cut_to(TransposedSide& side, std::int64_t natural, std::int64_t wanted, bool more_after) {
  const std::int64_t total = std::max<std::int64_t>(natural - wanted, 0);
  side.pad_before = more_after ? total / 2 : total - total / 2;
  side.out = wanted;
}

Result<std::array<TransposedSide, 2>> sides_of(const Node& node, const View& image, int sides,
                                               const std::array<std::int64_t, 2>& kernel) {
  NARROW_ASSIGN(const WindowArguments given,
                window_of(node, sides, image.size(kHeight), image.size(kWidth), kernel[0], kernel[1]));
  NARROW_ASSIGN(const auto more, per_side(node, "output_padding", sides));
  NARROW_ASSIGN(const auto shape, per_side(node, "output_shape", sides));
  NARROW_ASSIGN(const std::string auto_pad, string_or(node, "auto_pad", "NOTSET"));
  const graph::Window& window = given.window;
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  std::array<TransposedSide, 2> result{
      TransposedSide{image.size(kHeight), kernel[0], window.stride_h, window.dilation_h, window.pad.top, 0},
      TransposedSide{image.size(kWidth), kernel[1], window.stride_w, window.dilation_w, window.pad.left, 0}};
  const std::array<int, 2> pad_after{window.pad.bottom, window.pad.right};
  for (std::size_t i = 0; i < 2; ++i) {
    TransposedSide& side = result[i];
    const std::int64_t natural = side.stride * (side.size - 1) + more[i] + side.extent();
    if (shape[i] > 0 || same) {
      cut_to(side, natural, shape[i] > 0 ? shape[i] : side.size * side.stride, auto_pad == "SAME_UPPER");
    } else {
      side.out = natural - side.pad_before - pad_after[i];
    }
    if (side.out < 1) return malformed(node, "its padding cuts off the whole output");
    if (side.out > kMaxDimension || side.taps() > kMaxDimension) {
      return node_error(node, ErrorCode::kLimit,
                        "its output has " + std::to_string(side.out) + " pixels along a side, at most " +
                            std::to_string(kMaxDimension) + " are supported");
    }
  }
  return result;
}

// [M * remainders, C / groups, taps] of [C, M / groups, kernel]. absent(o): the number for a weight that there is none
// of, in output channel o.
template <class T, class Absent>
std::vector<T> rearranged(const std::vector<T>& from, const std::vector<std::int64_t>& dims, std::int64_t groups,
                          const std::array<TransposedSide, 2>& sides, Absent&& absent) {
  const auto& [h, w] = sides;
  const std::int64_t in = dims[0] / groups;
  const std::int64_t out = dims[1];
  std::vector<T> to;
  to.reserve(static_cast<std::size_t>(groups * out * h.stride * w.stride * in * h.taps() * w.taps()));
  for (std::int64_t o = 0; o < groups * out; ++o) {
    for (std::int64_t r = 0; r < h.stride * w.stride; ++r) {
      for (std::int64_t i = 0; i < in; ++i) {
        for (std::int64_t t = 0; t < h.taps() * w.taps(); ++t) {
          const std::int64_t y = h.weight_of(r / w.stride, t / w.taps());
          const std::int64_t x = w.weight_of(r % w.stride, t % w.taps());
          const std::int64_t channel = o / out * in + i;
          const std::int64_t at = ((channel * out + o % out) * h.kernel + y) * w.kernel + x;
          to.push_back(y < 0 || x < 0 ? static_cast<T>(absent(o)) : from[static_cast<std::size_t>(at)]);
        }
      }
    }
  }
  return to;
}

// One of `numbers` for each output of the convolution, which may be one for all.
template <class T>
std::vector<T> per_output(const std::vector<T>& numbers, std::int64_t outputs, std::int64_t remainders) {
  if (numbers.size() <= 1) return numbers;
  std::vector<T> result;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const T number = numbers[static_cast<std::size_t>(o) % numbers.size()];
    result.insert(result.end(), static_cast<std::size_t>(remainders), number);
  }
  return result;
}

// The weights of the convolution, with integers where the file has them with one scale per tensor or per output.
Constant rearranged_constant(Lowering& lowering, const Constant& weight, std::int64_t groups,
                             const std::array<TransposedSide, 2>& sides) {
  const std::vector<std::int64_t>& dims = weight.tensor->dims;
  const auto& [h, w] = sides;
  const std::int64_t remainders = h.stride * w.stride;
  const std::int64_t outputs = groups * dims[1];
  Tensor real;
  real.dims = {outputs * remainders, dims[0] / groups, h.taps(), w.taps()};
  real.data = rearranged(weight.tensor->to_floats(), dims, groups, sides, [](std::int64_t /*o*/) { return 0.0F; });
  Constant result{lowering.names.keep(std::move(real))};
  const QuantizedConstant* from = weight.quantized;
  if (from == nullptr || (from->scales.size() > 1 && from->axis != 1)) return result;
  const auto absent = [&](std::int64_t o) {
    return from->zero_points[static_cast<std::size_t>(o) % from->zero_points.size()];
  };
  Tensor integers{from->integers->type, result.tensor->dims, {}};
  std::visit([&](const auto& values) { integers.data = rearranged(values, dims, groups, sides, absent); },
             from->integers->data);
  QuantizedConstant quantized;
  quantized.integers = lowering.names.keep(std::move(integers));
  quantized.scales = per_output(from->scales, outputs, remainders);
  quantized.zero_points = per_output(from->zero_points, outputs, remainders);
  result.quantized = lowering.names.keep(std::move(quantized));
  return result;
}

// Counts the rearranged weights before they are made.
Status spend(Lowering& lowering, const Node& node, const Constant& constant, std::int64_t groups,
             const std::array<TransposedSide, 2>& sides) {
  const Tensor& weight = *constant.tensor;
  const QuantizedConstant* quantized = constant.quantized;
  const std::int64_t bytes =
      held_bytes(ElementType::kFloat32) + (quantized == nullptr ? 0 : held_bytes(quantized->integers->type));
  const std::int64_t channels_at_once = sides[0].stride * sides[1].stride;
  const Checked channels = Checked(weight.dims[1]) * groups * channels_at_once;
  if (!channels.is_within(1, kMaxDimension)) {
    return node_error(node, ErrorCode::kLimit,
                      "its channels times the squared stride are more than " + std::to_string(kMaxDimension));
  }
  const auto elems = (channels * (weight.dims[0] / groups) * sides[0].taps() * sides[1].taps()).value();
  const Status enough = !elems || *elems > graph::kMaxElems
                            ? Status(Error{ErrorCode::kLimit, "its weights are too many", ""})
                            : lowering.budget.check_space(*elems * bytes);
  if (!enough.ok()) return node_error(node, enough.error().code, enough.error().message);
  lowering.budget.keep(*elems * bytes);
  const Status spent = lowering.budget.spend_time(*elems);
  return spent.ok() ? spent : node_error(node, spent.error().code, spent.error().message);
}

}  // namespace

Status lower_conv_transpose(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const View given, lowering.names.real(node, 0));
  NARROW_ASSIGN(const View image, as_image(node, given));
  const int rank = given.rank();
  NARROW_ASSIGN(const Constant constant, lowering.names.constant(node, 1));
  NARROW_ASSIGN(const std::int64_t groups, int_or(node, "group", 1));
  const Tensor& weight = *constant.tensor;
  const std::vector<std::int64_t>& dims = weight.dims;
  const bool fits = static_cast<int>(dims.size()) == rank && groups >= 1 && dims[0] == image.size(kChannels) &&
                    dims[0] % groups == 0 && weight.elems() > 0;
  if (!fits) {
    return malformed(node, "weights " + dims_text(dims) + " in " + std::to_string(groups) +
                               " groups do not fit an input " + dims_text(given.sizes()));
  }
  NARROW_ASSIGN(const auto kernel, node.find_ints("kernel_shape"));
  if (kernel && *kernel != std::vector<std::int64_t>(dims.begin() + 2, dims.end())) {
    return malformed(node, "kernel_shape " + dims_text(*kernel) + " is not that of the weights " + dims_text(dims));
  }
  NARROW_ASSIGN(const auto sides, sides_of(node, image, rank - 2, {rank == 3 ? 1 : dims[2], dims.back()}));
  NARROW_TRY(spend(lowering, node, constant, groups, sides));
  const auto& [h, w] = sides;

  const std::string name = node.outputs[0] + "\n";  // its line break keeps it different from names of exporters
  Node layer{node.name, "Conv", "", {name + "image", name + "weights"}, {name + "layer"}, {{"group", groups}}};
  layer.attributes.push_back({"pads", std::vector<std::int64_t>{h.before(), w.before(), h.after(), w.after()}});
  lowering.names.bind(layer.inputs[0], Flow{image});
  lowering.names.bind(layer.inputs[1], rearranged_constant(lowering, constant, groups, sides));
  if (Names::has_input(node, 2)) {
    NARROW_ASSIGN(const std::vector<float> bias, lowering.names.floats(node, 2));
    if (static_cast<std::int64_t>(bias.size()) != dims[1] * groups) {
      return malformed(
          node, "has " + std::to_string(bias.size()) + " biases for " + std::to_string(dims[1] * groups) + " channels");
    }
    Tensor repeated{ElementType::kFloat32, {dims[1] * groups * h.stride * w.stride}, std::vector<float>()};
    for (const float b : bias) {
      auto& values = std::get<std::vector<float>>(repeated.data);
      values.insert(values.end(), static_cast<std::size_t>(h.stride * w.stride), b);
    }
    layer.inputs.push_back(name + "bias");
    lowering.names.bind(layer.inputs[2], Constant{lowering.names.keep(std::move(repeated))});
  }
  NARROW_TRY(lower_conv(lowering, layer));

  NARROW_ASSIGN(View y, lowering.names.real(Node{node.name, node.op_type, "", {layer.outputs[0]}, {}, {}}, 0));
  const std::int64_t rows = y.size(kHeight);
  const std::int64_t columns = y.size(kWidth);
  if (h.stride > 1 || w.stride > 1) {
    NARROW_ASSIGN(y, with_dims(lowering, node, y, {1, dims[1] * groups, h.stride, w.stride, rows, columns}));
    y = transposed(y, {0, 1, 4, 2, 5, 3});
    NARROW_ASSIGN(y, with_dims(lowering, node, y, {1, dims[1] * groups, rows * h.stride, columns * w.stride}));
  }
  NARROW_ASSIGN(y, cut(lowering, node, std::move(y), {{kHeight, h.skipped(), h.out}, {kWidth, w.skipped(), w.out}}));
  if (rank == 3) y.dims.erase(y.dims.begin() + kHeight);
  lowering.names.bind(node, Flow{std::move(y)});
  return {};
}

}  // namespace narrow::onnx
