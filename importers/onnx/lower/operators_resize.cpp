// Resize and Upsample. Each dimension is resized by itself: nearest elements are gathered, which is exact on integers
// too; linear and cubic interpolation is a product with a constant matrix, which becomes a 1x1 convolution.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"
#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/movement.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

// One dimension before and after.
struct Extent {
  std::int64_t in = 1;
  std::int64_t out = 1;
  float scale = 1;  // out / in, or as the file states it
  [[nodiscard]] bool changes() const { return in != out || scale != 1.0F; }
};

struct Resizing {
  std::string mode;         // nearest, linear or cubic
  std::string coordinates;  // coordinate_transformation_mode
  std::string nearest;      // nearest_mode; "simple" of operator sets before 11
  float cubic_a = -0.75F;
  bool exclude_outside = false;
};

// The position in the input of position i in the output. In single precision, as other engines compute it: its rounding
// decides which of two elements is nearer.
float original(const Resizing& how, const Extent& side, std::int64_t i) {
  const auto x = static_cast<float>(i);
  const auto in = static_cast<float>(side.in);
  const auto out = static_cast<float>(side.out);
  if (how.coordinates == "asymmetric") return x / side.scale;
  if (how.coordinates == "align_corners") return side.out == 1 ? 0.0F : x * (in - 1) / (out - 1);
  if (how.coordinates == "pytorch_half_pixel" && side.out <= 1) return 0.0F;
  if (how.coordinates == "tf_half_pixel_for_nn") return (x + 0.5F) / side.scale;
  const float half_pixel = (x + 0.5F) / side.scale - 0.5F;
  if (how.coordinates != "half_pixel_symmetric") return half_pixel;
  // The borders that a rounded output size leaves are the same on both sides.
  const float adjustment = out / (side.scale * in);
  return in / 2 * (1 - adjustment) + half_pixel;
}

std::int64_t nearest_element(const Resizing& how, const Extent& side, std::int64_t i) {
  const float x = original(how, side, i);
  float at = 0;
  if (how.nearest == "floor") {
    at = std::floor(x);
  } else if (how.nearest == "ceil") {
    at = std::ceil(x);
  } else if (how.nearest == "round_prefer_ceil") {
    at = std::floor(x + 0.5F);
  } else if (how.nearest == "simple") {
    at = side.scale < 1 ? std::ceil(x) : std::trunc(x);
  } else {  // round_prefer_floor
    at = std::ceil(x - 0.5F);
  }
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, side.in - 1);
}

// The weights of four neighbours at a distance of `fraction` behind the second one (Keys 1981).
std::array<double, 4> cubic_weights(double a, double fraction) {
  const auto near = [&](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [&](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(fraction + 1), near(fraction), near(1 - fraction), far(2 - fraction)};
}

// [in, out]: column i holds the weights of the elements that make element i. Elements beyond an end are the last one.
std::vector<float> interpolation(const Resizing& how, const Extent& side) {
  std::vector<float> matrix(static_cast<std::size_t>(side.in * side.out), 0.0F);
  const auto at = [&](std::int64_t row, std::int64_t column) -> float& {
    return matrix[static_cast<std::size_t>(std::clamp<std::int64_t>(row, 0, side.in - 1) * side.out + column)];
  };
  for (std::int64_t i = 0; i < side.out; ++i) {
    const double x = original(how, side, i);
    if (how.mode == "linear") {
      const double inside = std::clamp(x, 0.0, static_cast<double>(side.in - 1));
      const auto first = static_cast<std::int64_t>(std::floor(inside));
      const double fraction = inside - static_cast<double>(first);
      at(first, i) += static_cast<float>(1 - fraction);
      at(first + 1, i) += static_cast<float>(fraction);
      continue;
    }
    const auto second = static_cast<std::int64_t>(std::floor(x));
    std::array<double, 4> weights = cubic_weights(double{how.cubic_a}, x - static_cast<double>(second));
    double sum = 1;
    if (how.exclude_outside) {
      sum = 0;
      for (std::int64_t k = 0; k < 4; ++k) {
        double& weight = weights[static_cast<std::size_t>(k)];
        if (second - 1 + k < 0 || second - 1 + k >= side.in) weight = 0;
        sum += weight;
      }
    }
    for (std::int64_t k = 0; k < 4; ++k) {
      at(second - 1 + k, i) += static_cast<float>(weights[static_cast<std::size_t>(k)] / sum);
    }
  }
  return matrix;
}

Result<View> interpolated(Lowering& lowering, const Node& node, View view, int dim, const Resizing& how,
                          const Extent& side) {
  // The matrix is counted before it is made.
  const std::int64_t count = side.in * side.out;
  if (const Status spent = lowering.budget.spend_time(count); !spent.ok()) {
    return node_error(node, spent.error().code, spent.error().message);
  }
  if (const Status fits = lowering.budget.check_copy(count); !fits.ok()) {
    return node_error(node, fits.error().code, fits.error().message);
  }
  const Tensor* matrix =
      lowering.names.keep(Tensor{ElementType::kFloat32, {side.in, side.out}, interpolation(how, side)});
  lowering.budget.keep(count * 4);
  // The dimension becomes the last one and goes back after the product.
  std::vector<int> order;
  for (int other = 0; other < view.rank(); ++other) {
    if (other != dim) order.push_back(other);
  }
  order.push_back(dim);
  NARROW_ASSIGN(const View product, times_matrix(lowering, node, transposed(view, order), *matrix));
  std::vector<int> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) back[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  return transposed(product, back);
}

Result<View> resized(Lowering& lowering, const Node& node, View view, int dim, const Resizing& how,
                     const Extent& side) {
  if (how.mode != "nearest") return interpolated(lowering, node, std::move(view), dim, how, side);
  std::vector<std::int64_t> indices;
  indices.reserve(static_cast<std::size_t>(side.out));
  for (std::int64_t i = 0; i < side.out; ++i) indices.push_back(nearest_element(how, side, i));
  return gathered(lowering, node, view, dim, indices);
}

Result<Resizing> read_mode(const Lowering& lowering, const Node& node) {
  const bool is_old = node.op_type == "Upsample" || lowering.model.opset() < 11;
  Resizing how;
  NARROW_ASSIGN(how.mode, string_or(node, "mode", "nearest"));
  if (how.mode == "bilinear") how.mode = "linear";  // operator sets before 9
  NARROW_ASSIGN(how.coordinates,
                string_or(node, "coordinate_transformation_mode", is_old ? "asymmetric" : "half_pixel"));
  NARROW_ASSIGN(how.nearest, string_or(node, "nearest_mode", is_old ? "simple" : "round_prefer_floor"));
  NARROW_ASSIGN(how.cubic_a, float_or(node, "cubic_coeff_a", -0.75F));
  NARROW_ASSIGN(const std::int64_t exclude, int_or(node, "exclude_outside", 0));
  NARROW_ASSIGN(const std::int64_t antialias, int_or(node, "antialias", 0));
  how.exclude_outside = exclude != 0;
  const auto is_one_of = [](const std::string& text, std::initializer_list<std::string_view> known) {
    return std::find(known.begin(), known.end(), text) != known.end();
  };
  if (!is_one_of(how.mode, {"nearest", "linear", "cubic"})) {
    return malformed(node, "mode " + in_quotes(how.mode) + " does not exist");
  }
  if (!is_one_of(how.nearest, {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil", "simple"})) {
    return malformed(node, "nearest_mode " + in_quotes(how.nearest) + " does not exist");
  }
  if (!is_one_of(how.coordinates, {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                   "tf_half_pixel_for_nn", "half_pixel_symmetric"})) {
    return unsupported(node, "coordinate_transformation_mode " + in_quotes(how.coordinates) + " is not supported",
                       "export with half_pixel, align_corners or asymmetric");
  }
  if (antialias != 0 && how.mode != "nearest") {
    return unsupported(node, "antialias is not supported",
                       "export with antialias off, or give the network smaller images");
  }
  return how;
}

// The dimensions that scales or sizes are given for.
Result<std::vector<int>> dims_to_resize(const Node& node, const View& view) {
  NARROW_ASSIGN(const auto given, node.find_ints("axes"));
  std::vector<int> dims;
  if (!given) {
    for (int dim = 0; dim < view.rank(); ++dim) dims.push_back(dim);
    return dims;
  }
  NARROW_TRY(axes_of(node, *given, view.rank()));
  for (const std::int64_t axis : *given) dims.push_back(static_cast<int>(axis < 0 ? axis + view.rank() : axis));
  return dims;
}

Error wrong_count(const Node& node, std::size_t count, std::size_t dims) {
  return malformed(node,
                   "has " + std::to_string(count) + " scales or sizes for " + std::to_string(dims) + " dimensions");
}

Result<std::vector<Extent>> sides_by_scales(const Node& node, const View& view, const std::vector<int>& dims,
                                            const std::vector<float>& scales) {
  if (scales.size() != dims.size()) return wrong_count(node, scales.size(), dims.size());
  std::vector<Extent> sides;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    Extent side;
    side.in = view.size(dims[i]);
    side.scale = scales[i];
    const float out = std::floor(static_cast<float>(side.in) * side.scale);
    // The comparison is false for NaN.
    if (!(out >= 1 && out <= static_cast<float>(graph::kMaxDimension))) {
      return malformed(node, "a scale of " + base::number_text(side.scale) + " for a dimension of " +
                                 std::to_string(side.in) + " leaves nothing of it, or too much");
    }
    side.out = static_cast<std::int64_t>(out);
    sides.push_back(side);
  }
  return sides;
}

Result<std::vector<Extent>> sides_by_sizes(const Lowering& lowering, const Node& node, const View& view,
                                           const std::vector<int>& dims, std::vector<std::int64_t> sizes) {
  NARROW_ASSIGN(const std::string policy, string_or(node, "keep_aspect_ratio_policy", "stretch"));
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    return malformed(node, "keep_aspect_ratio_policy " + in_quotes(policy) + " does not exist");
  }
  if (sizes.size() != dims.size()) return wrong_count(node, sizes.size(), dims.size());
  std::vector<Extent> sides;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    // A batch size that was exported as a constant becomes 1.
    if (dims[i] == 0 && lowering.batch_of_file > 1 && sizes[i] == lowering.batch_of_file) sizes[i] = 1;
    if (sizes[i] < 1 || sizes[i] > graph::kMaxDimension) {
      return malformed(
          node, "a size of " + std::to_string(sizes[i]) + " is not within 1.." + std::to_string(graph::kMaxDimension));
    }
    const std::int64_t in = view.size(dims[i]);
    sides.push_back({in, sizes[i], static_cast<float>(sizes[i]) / static_cast<float>(in)});
  }
  if (policy == "stretch" || sides.empty()) return sides;
  // One scale for all, with which no side is larger, or none smaller, than its size.
  const auto by_scale = [](const Extent& a, const Extent& b) { return a.scale < b.scale; };
  const float scale = policy == "not_larger" ? std::min_element(sides.begin(), sides.end(), by_scale)->scale
                                             : std::max_element(sides.begin(), sides.end(), by_scale)->scale;
  for (Extent& side : sides) {
    side.scale = scale;
    const float out = std::floor(scale * static_cast<float>(side.in) + 0.5F);
    if (!(out >= 1 && out <= static_cast<float>(graph::kMaxDimension))) {
      return malformed(node, "the sizes with one scale leave nothing of a dimension, or too much");
    }
    side.out = static_cast<std::int64_t>(out);
  }
  return sides;
}

// Operator set 10 has the scales as input 1, later ones as input 2 after a region of interest; Upsample had them as an
// attribute first.
Result<std::vector<Extent>> read_sides(const Lowering& lowering, const Node& node, const View& view,
                                       const std::vector<int>& dims) {
  NARROW_ASSIGN(const auto attribute, node.find_floats("scales"));
  if (attribute) return sides_by_scales(node, view, dims, *attribute);
  const std::size_t at = node.op_type == "Upsample" || lowering.model.opset() < 11 ? 1 : 2;
  if (Names::has_input(node, at)) {
    NARROW_ASSIGN(const std::vector<float> scales, lowering.names.floats(node, at));
    if (!scales.empty()) return sides_by_scales(node, view, dims, scales);
  }
  if (!Names::has_input(node, at + 1)) return malformed(node, "has neither scales nor sizes");
  NARROW_ASSIGN(std::vector<std::int64_t> sizes, lowering.names.ints(node, at + 1));
  return sides_by_sizes(lowering, node, view, dims, std::move(sizes));
}

}  // namespace

Status lower_resize(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(Flow x, lowering.names.flow(node, 0));
  NARROW_ASSIGN(const Resizing how, read_mode(lowering, node));
  if (how.mode != "nearest") NARROW_TRY(lowering.names.real(node, 0));
  NARROW_ASSIGN(const std::vector<int> dims, dims_to_resize(node, x.view));
  NARROW_ASSIGN(const std::vector<Extent> sides, read_sides(lowering, node, x.view, dims));
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!sides[i].changes()) continue;
    if (sides[i].in > graph::kMaxDimension) {
      return node_error(node, ErrorCode::kLimit, "resizes a dimension of " + std::to_string(sides[i].in));
    }
    NARROW_ASSIGN(x.view, resized(lowering, node, x.view, dims[i], how, sides[i]));
  }
  lowering.names.bind(node, std::move(x));
  return {};
}

}  // namespace narrow::onnx
