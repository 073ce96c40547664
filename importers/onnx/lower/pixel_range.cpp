#include "importers/onnx/lower/pixel_range.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/text.h"
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

using Colours = std::array<double, kColours>;

// scale * pixel + shift, for each colour.
struct Affine {
  Colours scales{1, 1, 1};
  Colours shifts{};
};

bool all_colours(const Affine& affine, const std::function<bool(double scale, double mean)>& is) {
  for (std::size_t c = 0; c < kColours; ++c) {
    if (!is(affine.scales[c], -affine.shifts[c] / affine.scales[c])) return false;
  }
  return true;
}

// Whether bytes become small: (pixel - mean) / deviation, or pixel - mean.
bool normalises_bytes(const Affine& affine) {
  constexpr double kRounding = 0.5;  // of the mean of a byte
  return all_colours(affine,
                     [&](double scale, double mean) {
                       return scale >= 1 / kMostOfByte && scale <= 1 / kLargeDivisor && mean >= -kRounding &&
                              mean <= kMostOfByte;
                     }) ||
         all_colours(affine, [&](double scale, double mean) {
           return scale == 1 && mean >= kLargeMean && mean <= kMostOfByte;
         });
}

// Whether it is (pixel - mean) / deviation with the mean and deviation of images in 0..1. Those of pixels that were
// normalised before are about 0 and 1. Means lie about 0.45, deviations about 0.25; many networks take 0.5 for both.
bool normalises_unit(const Affine& affine) {
  constexpr double kLeastMean = 0.3;
  constexpr double kMostMean = 0.6;
  constexpr double kLeastDeviation = 0.15;
  constexpr double kMostDeviation = 0.51;
  return all_colours(affine, [&](double scale, double mean) {
    return mean >= kLeastMean && mean <= kMostMean && scale >= 1 / kMostDeviation && scale <= 1 / kLeastDeviation;
  });
}

// The pixels that a network normalises by this.
PixelRange normalised_range(const Affine& affine) {
  if (normalises_bytes(affine)) return PixelRange::kBytes;
  return normalises_unit(affine) ? PixelRange::kUnit : PixelRange::kNotSpecified;
}

// The numbers of a constant input, one for each of three colours. Nothing: it is no such constant.
std::optional<Colours> of_colours(const Lowering& lowering, const Node& node, std::size_t i) {
  const Constant* constant = lowering.names.constant_or_null(node, i);
  if (constant == nullptr || constant->tensor->type == ElementType::kOther) return std::nullopt;
  if (constant->tensor->elems() != static_cast<std::int64_t>(kColours)) return std::nullopt;
  const std::vector<float> values = constant->tensor->to_floats();
  return Colours{double{values[0]}, double{values[1]}, double{values[2]}};
}

// The same, or one number for all colours.
std::optional<Colours> of_all_colours(const Lowering& lowering, const Node& node, std::size_t i) {
  const Constant* constant = lowering.names.constant_or_null(node, i);
  if (constant == nullptr || constant->tensor->type == ElementType::kOther) return std::nullopt;
  if (constant->tensor->elems() != 1) return of_colours(lowering, node, i);
  const double value{constant->tensor->to_floats()[0]};
  return Colours{value, value, value};
}

// What a convolution does that only scales and shifts each colour, perhaps in another order. Nothing: it does more. No
// first layer is such a one: its outputs are of several colours, or more than three.
std::optional<Affine> affine_of_convolution(const Lowering& lowering, const Node& node) {
  const Constant* weight = lowering.names.constant_or_null(node, 1);
  const auto groups = node.find_int("group");
  const auto strides = node.find_ints("strides");
  const auto pads = node.find_ints("pads");
  if (weight == nullptr || weight->tensor->type == ElementType::kOther || !groups.ok() || !strides.ok() || !pads.ok()) {
    return std::nullopt;
  }
  const auto is_all = [](const std::optional<std::vector<std::int64_t>>& values, std::int64_t wanted) {
    return !values || std::all_of(values->begin(), values->end(), [&](std::int64_t v) { return v == wanted; });
  };
  if (!is_all(*strides, 1) || !is_all(*pads, 0)) return std::nullopt;
  const std::int64_t group = groups->value_or(1);
  constexpr auto kAll = static_cast<std::int64_t>(kColours);
  const bool is_dense = group == 1 && weight->tensor->dims == std::vector<std::int64_t>{kAll, kAll, 1, 1};
  const bool is_depthwise = group == kAll && weight->tensor->dims == std::vector<std::int64_t>{kAll, 1, 1, 1};
  if (!is_dense && !is_depthwise) return std::nullopt;
  const std::vector<float> weights = weight->tensor->to_floats();
  Affine affine;
  Colours& scales = affine.scales;
  if (is_depthwise) {
    std::copy(weights.begin(), weights.end(), scales.begin());
  } else {
    scales.fill(0);
    std::array<bool, kColours> is_read{};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      const std::size_t out = i / kColours;
      const std::size_t in = i % kColours;
      if (scales[out] != 0 || is_read[in]) return std::nullopt;
      scales[out] = double{weights[i]};
      is_read[in] = true;
    }
  }
  if (Names::has_input(node, 2)) {
    const auto bias = of_colours(lowering, node, 2);
    if (!bias) return std::nullopt;
    affine.shifts = *bias;
  }
  return affine;
}

// What a BatchNormalization says. Its mean and variance are those of the pixels that it was trained with, whatever its
// scale and shift are; where they were set to 0 and 1, scale and shift may normalise.
PixelRange range_of_batch_norm(const Lowering& lowering, const Node& node) {
  if (is_within(lowering, node, 3, kLargeMean, kMostOfByte)) return PixelRange::kBytes;
  const auto epsilon = node.find_float("epsilon");
  const auto gamma = of_colours(lowering, node, 1);
  const auto beta = of_colours(lowering, node, 2);
  const auto mean = of_colours(lowering, node, 3);
  const auto variance = of_colours(lowering, node, 4);
  if (!epsilon.ok() || !gamma || !beta || !mean || !variance) return PixelRange::kNotSpecified;
  constexpr float kUsualEpsilon = 1e-5F;
  Affine trained;
  Affine whole;
  for (std::size_t c = 0; c < kColours; ++c) {
    trained.scales[c] = 1 / std::sqrt((*variance)[c] + double{epsilon->value_or(kUsualEpsilon)});
    trained.shifts[c] = -trained.scales[c] * (*mean)[c];
    whole.scales[c] = trained.scales[c] * (*gamma)[c];
    whole.shifts[c] = (*beta)[c] - whole.scales[c] * (*mean)[c];
  }
  return normalises_unit(trained) ? PixelRange::kUnit : normalised_range(whole);
}

// Bytes, where a number is added, subtracted, multiplied or divided by that only bytes need. It is for all colours, for
// each, or for each pixel of each.
bool is_for_bytes(const Lowering& lowering, const Node& node, std::size_t constant) {
  const std::string& op = node.op_type;
  if (op == "Mul") return is_within(lowering, node, constant, 1 / kMostOfByte, 1 / kLargeDivisor);
  if (op == "Add") return is_within(lowering, node, constant, -kMostOfByte, -kLargeMean);
  if (op == "Div") return is_within(lowering, node, constant, kLargeDivisor, kMostOfByte);
  if (op == "Sub") return is_within(lowering, node, constant, kLargeMean, kMostOfByte);
  return false;
}

// Appends a Mul, Div, Add or Sub with a constant. false: it is no such node.
bool append(const Lowering& lowering, const Node& node, std::size_t constant, Affine& affine) {
  const auto numbers = of_all_colours(lowering, node, constant);
  if (!numbers) return false;
  const std::string& op = node.op_type;
  for (std::size_t c = 0; c < kColours; ++c) {
    const double number = (*numbers)[c];
    if (op == "Mul" || op == "Div") {
      const double factor = op == "Mul" ? number : 1 / number;
      affine.scales[c] *= factor;
      affine.shifts[c] *= factor;
    } else if (op == "Add" || op == "Sub") {
      affine.shifts[c] += op == "Add" ? number : -number;
    } else {
      return false;
    }
  }
  return true;
}

// What the range of the integers says. Normalised pixels lie on both sides of 0. The highest number may be that of the
// images that the range was measured on, a little below the highest of all.
PixelRange range_of_integers(const Quantization& quantization) {
  constexpr double kMeasured = 0.95;
  constexpr double kRounded = 1.005;
  constexpr double kByte = 255;
  if (quantization.range.lo != quantization.zero_point) return PixelRange::kNotSpecified;
  const double highest = double{quantization.scale} * (quantization.range.hi - quantization.zero_point);
  if (highest >= kMeasured * kByte && highest <= kRounded * kByte) return PixelRange::kBytes;
  return highest >= kMeasured && highest <= kRounded ? PixelRange::kUnit : PixelRange::kNotSpecified;
}

PixelRange range_of_quantize(const Lowering& lowering, const Node& node) {
  const auto type = node.find_int("output_dtype");  // with this alone the integers may be signed
  const auto parameters = parameters_of(lowering, node, 1);
  if (!type.ok() || *type || !parameters.ok()) return PixelRange::kNotSpecified;
  return range_of_integers(parameters->quantization);
}

// A bound of a Clip, which is an input or an attribute. Nothing: it has none, or it is computed.
std::optional<float> bound_of(const Lowering& lowering, const Node& node, std::string_view attribute, std::size_t i) {
  if (!Names::has_input(node, i)) {
    const auto bound = node.find_float(attribute);
    return bound.ok() ? *bound : std::nullopt;
  }
  const Constant* constant = lowering.names.constant_or_null(node, i);
  if (constant == nullptr || constant->tensor->type == ElementType::kOther) return std::nullopt;
  if (constant->tensor->elems() != 1) return std::nullopt;
  return constant->tensor->to_floats()[0];
}

PixelRange range_of_clip(const Lowering& lowering, const Node& node) {
  const auto lowest = bound_of(lowering, node, "min", 1);
  const auto highest = bound_of(lowering, node, "max", 2);
  if (lowest != 0.0F || !highest) return PixelRange::kNotSpecified;
  constexpr float kByte = 255;
  if (*highest == kByte) return PixelRange::kBytes;
  return *highest == 1 ? PixelRange::kUnit : PixelRange::kNotSpecified;
}

std::string range_text(PixelRange range) {
  switch (range) {
    case PixelRange::kBytes:
      return "0..255";
    case PixelRange::kSignedBytes:
      return "-128..127";
    case PixelRange::kUnit:
      return "0..1";
    case PixelRange::kNotSpecified:
      break;
  }
  return "";
}

// rest: what is said after the range.
PixelEvidence evidence(PixelRange range, const std::string& rest) {
  if (range == PixelRange::kNotSpecified) return {};
  return {range, "the network takes pixels as " + range_text(range) + rest};
}

constexpr const char* kNormalises = " and normalises them itself";

// What the operators say that read real numbers.
PixelEvidence evidence_of_operators(const Lowering& lowering, const std::string& input) {
  std::unordered_set<std::string> names{input};
  std::optional<Affine> affine;  // what was done to the pixels so far; nothing: they were only moved
  for (const Node& node : lowering.model.nodes) {
    const auto read = std::find_if(node.inputs.begin(), node.inputs.end(),
                                   [&](const std::string& name) { return names.count(name) != 0; });
    if (read == node.inputs.end() || node.outputs.empty() || !lowering.names.is_live(node)) continue;
    if (keeps_pixels(node)) {
      names.insert(node.outputs.begin(), node.outputs.end());
      continue;
    }
    const std::string& op = node.op_type;
    const bool is_first = read == node.inputs.begin();
    if (!is_first && op != "Mul" && op != "Add") return {};
    const std::size_t constant = is_first ? 1 : 0;  // a product or sum may have the constant first
    if (!affine) {
      if (op == "QuantizeLinear") {
        return evidence(range_of_quantize(lowering, node), ", the range of its first QuantizeLinear");
      }
      if (op == "Clip") return evidence(range_of_clip(lowering, node), ", the range of its first Clip");
      if (op == "BatchNormalization") return evidence(range_of_batch_norm(lowering, node), kNormalises);
      if (op == "Conv") {
        const auto scaled = affine_of_convolution(lowering, node);
        return scaled ? evidence(normalised_range(*scaled), kNormalises) : PixelEvidence{};
      }
      if (is_for_bytes(lowering, node, constant)) return evidence(PixelRange::kBytes, kNormalises);
      affine.emplace();
    }
    if (!append(lowering, node, constant, *affine)) return {};
    if (normalises_unit(*affine)) return evidence(PixelRange::kUnit, kNormalises);
    names = {node.outputs.begin(), node.outputs.end()};
  }
  return {};
}

}  // namespace

PixelEvidence evidence_of_pixels(const Lowering& lowering, const Port& input,
                                 const std::optional<Parameters>& integers) {
  if (!lowering.options.classifier) return {};
  if (integers) return evidence(range_of_integers(integers->quantization), ", the range of its integers");
  if (is_floating(input.type)) return evidence_of_operators(lowering, input.name);
  PixelEvidence found =
      evidence(input.type == ElementType::kInt8 ? PixelRange::kSignedBytes : PixelRange::kBytes, kNormalises);
  found.note = "the input " + base::in_quotes(input.name) + " is " + std::string(element_type_name(input.type)) + ": " +
               found.note;
  return found;
}

}  // namespace narrow::onnx
