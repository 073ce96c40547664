#include "importers/onnx/lower/byte_pixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "importers/onnx/lower/names.h"

namespace narrow::onnx {
namespace {

// Whether a constant lies from lo to hi: each number for the channels, and the mean of a whole image.
bool is_within(const Lowering& lowering, const Node& node, std::size_t i, double lo, double hi) {
  const Constant* constant = lowering.names.constant_or_null(node, i);
  constexpr std::int64_t kMostChannels = 4;
  constexpr std::int64_t kMostOfImage = 1 << 24;
  if (constant == nullptr || constant->tensor->type == ElementType::kOther) return false;
  const std::int64_t elems = constant->tensor->elems();
  if (elems < 1 || elems > kMostOfImage) return false;
  const std::vector<float> values = constant->tensor->to_floats();
  if (elems > kMostChannels) {
    double sum = 0;
    for (const float value : values) sum += double{value};
    const double mean = sum / static_cast<double>(elems);
    return mean >= lo && mean <= hi;
  }
  return std::all_of(values.begin(), values.end(), [&](float v) { return double{v} >= lo && double{v} <= hi; });
}

// Operators after which pixels are pixels: they move them, or change the type of their elements.
bool keeps_pixels(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"Transpose", "Cast",      "Identity", "Reshape", "Flatten",
                                                            "Squeeze",   "Unsqueeze", "Slice",    "Gather",  "Split",
                                                            "Concat",    "Expand",    "Resize",   "Upsample"};
  return kOps.count(node.op_type) != 0;
}

// Divisors and means of bytes. Those of pixels in 0..1 are at most 1.
constexpr double kLargeDivisor = 32;
constexpr double kLargeMean = 16;
constexpr double kMostOfByte = 256;
constexpr std::size_t kColours = 3;

// The numbers of a constant input with one for each of three colours. Nothing: it is no such constant.
std::optional<std::vector<float>> of_colours(const Lowering& lowering, const Node& node, std::size_t i) {
  const Constant* constant = lowering.names.constant_or_null(node, i);
  if (constant == nullptr || constant->tensor->type == ElementType::kOther) return std::nullopt;
  if (constant->tensor->elems() != static_cast<std::int64_t>(kColours)) return std::nullopt;
  return constant->tensor->to_floats();
}

// Whether scale * pixel + shift of each colour makes bytes small: (pixel - mean) / deviation, or pixel - mean.
bool makes_bytes_small(std::span<const double> scales, std::span<const double> shifts) {
  const auto all = [&](auto&& is) {
    for (std::size_t c = 0; c < scales.size(); ++c) {
      if (!is(scales[c], -shifts[c] / scales[c])) return false;
    }
    return true;
  };
  constexpr double kRounding = 0.5;  // of the mean of a byte
  return all([&](double scale, double mean) {
           return scale >= 1 / kMostOfByte && scale <= 1 / kLargeDivisor && mean >= -kRounding && mean <= kMostOfByte;
         }) ||
         all([&](double scale, double mean) { return scale == 1 && mean >= kLargeMean && mean <= kMostOfByte; });
}

// Whether a convolution only scales and shifts each colour, perhaps in another order, so that bytes become small. No
// first layer does so: its outputs are of several colours, or more than three.
bool normalises_as_convolution(const Lowering& lowering, const Node& node) {
  const Constant* weight = lowering.names.constant_or_null(node, 1);
  const auto groups = node.find_int("group");
  const auto strides = node.find_ints("strides");
  const auto pads = node.find_ints("pads");
  if (weight == nullptr || weight->tensor->type == ElementType::kOther || !groups.ok() || !strides.ok() || !pads.ok()) {
    return false;
  }
  const auto is_all = [](const std::optional<std::vector<std::int64_t>>& values, std::int64_t wanted) {
    return !values || std::all_of(values->begin(), values->end(), [&](std::int64_t v) { return v == wanted; });
  };
  if (!is_all(*strides, 1) || !is_all(*pads, 0)) return false;
  const std::int64_t group = groups->value_or(1);
  constexpr auto kAll = static_cast<std::int64_t>(kColours);
  const bool is_dense = group == 1 && weight->tensor->dims == std::vector<std::int64_t>{kAll, kAll, 1, 1};
  const bool is_depthwise = group == kAll && weight->tensor->dims == std::vector<std::int64_t>{kAll, 1, 1, 1};
  if (!is_dense && !is_depthwise) return false;
  const std::vector<float> weights = weight->tensor->to_floats();
  std::vector<double> scales(weights.begin(), weights.end());
  if (is_dense) {
    scales.assign(kColours, 0.0);
    std::array<bool, kColours> is_read{};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      const std::size_t out = i / kColours;
      const std::size_t in = i % kColours;
      if (scales[out] != 0 || is_read[in]) return false;
      scales[out] = double{weights[i]};
      is_read[in] = true;
    }
  }
  std::vector<double> shifts(kColours, 0.0);
  if (Names::has_input(node, 2)) {
    const auto bias = of_colours(lowering, node, 2);
    if (!bias) return false;
    shifts.assign(bias->begin(), bias->end());
  }
  return makes_bytes_small(scales, shifts);
}

// Whether a BatchNormalization has a mean of bytes, or scales and shifts so that bytes become small.
bool normalises_as_batch_norm(const Lowering& lowering, const Node& node) {
  if (is_within(lowering, node, 3, kLargeMean, kMostOfByte)) return true;
  const auto epsilon = node.find_float("epsilon");
  const auto gamma = of_colours(lowering, node, 1);
  const auto beta = of_colours(lowering, node, 2);
  const auto mean = of_colours(lowering, node, 3);
  const auto variance = of_colours(lowering, node, 4);
  if (!epsilon.ok() || !gamma || !beta || !mean || !variance) return false;
  constexpr float kUsualEpsilon = 1e-5F;
  std::vector<double> scales(kColours);
  std::vector<double> shifts(kColours);
  for (std::size_t c = 0; c < kColours; ++c) {
    scales[c] = double{(*gamma)[c]} / std::sqrt(double{(*variance)[c]} + double{epsilon->value_or(kUsualEpsilon)});
    shifts[c] = double{(*beta)[c]} - scales[c] * double{(*mean)[c]};
  }
  return makes_bytes_small(scales, shifts);
}

}  // namespace

bool normalises_bytes(const Lowering& lowering, const std::string& input) {
  std::unordered_set<std::string> names{input};
  for (const Node& node : lowering.model.nodes) {
    const auto read = std::find_if(node.inputs.begin(), node.inputs.end(),
                                   [&](const std::string& name) { return names.count(name) != 0; });
    if (read == node.inputs.end() || node.outputs.empty()) continue;
    if (keeps_pixels(node)) {
      names.insert(node.outputs.begin(), node.outputs.end());
      continue;
    }
    const std::string& op = node.op_type;
    const bool is_first = read == node.inputs.begin();
    const std::size_t other = is_first ? 1 : 0;  // a product or sum may have the constant first
    if (op == "Mul") return is_within(lowering, node, other, 1 / kMostOfByte, 1 / kLargeDivisor);
    if (op == "Add") return is_within(lowering, node, other, -kMostOfByte, -kLargeMean);
    if (!is_first) return false;
    if (op == "Div") return is_within(lowering, node, 1, kLargeDivisor, kMostOfByte);
    if (op == "Sub") return is_within(lowering, node, 1, kLargeMean, kMostOfByte);
    if (op == "BatchNormalization") return normalises_as_batch_norm(lowering, node);
    if (op == "Conv") return normalises_as_convolution(lowering, node);
    return false;
  }
  return false;
}

}  // namespace narrow::onnx
