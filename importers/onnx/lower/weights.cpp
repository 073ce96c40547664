#include "importers/onnx/lower/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/try.h"

namespace narrow::onnx {
namespace {

constexpr int kLowest = -128;
constexpr int kHighest = 127;

// Differences of weight integers and zero points. Those of int8 and uint8 have up to 9 bits.
struct WideIntegers {
  std::vector<std::int32_t> integers;
  std::vector<float> scales;  // by output
};

// Nothing: the constant has no weight integers that a layer can use.
std::optional<WideIntegers> read_integers(const Constant& constant, const WeightLayout& layout) {
  if (constant.quantized == nullptr || !(layout.factor > 0)) return std::nullopt;
  const QuantizedConstant& quantized = *constant.quantized;
  const ElementType type = quantized.integers->type;
  if (type == ElementType::kInt32) return std::nullopt;
  const std::size_t outs = layout.out_start.size();
  const bool per_output = quantized.scales.size() == outs && quantized.axis == layout.out_axis;
  if (quantized.scales.size() != 1 && !per_output) return std::nullopt;

  WideIntegers result;
  // Training may make a scale negative. The weight integers then take its sign.
  std::vector<bool> negative;
  for (std::size_t o = 0; o < outs; ++o) {
    const float scale = quantized.scales[quantized.scales.size() == 1 ? 0 : o] * layout.factor;
    if (!(std::abs(scale) >= std::numeric_limits<float>::min()) || !std::isfinite(scale)) return std::nullopt;
    result.scales.push_back(std::abs(scale));
    negative.push_back(scale < 0);
  }
  result.integers.reserve(static_cast<std::size_t>(quantized.integers->elems()));
  std::visit(
      [&](const auto& values) {
        for (std::size_t o = 0; o < outs; ++o) {
          const auto zero = static_cast<std::int32_t>(quantized.zero_points[quantized.zero_points.size() == 1 ? 0 : o]);
          for (std::int64_t t = 0; t < layout.taps; ++t) {
            for (std::int64_t i = 0; i < layout.in; ++i) {
              const std::int64_t input = layout.in_order.empty() ? i : layout.in_order[static_cast<std::size_t>(i)];
              const std::int64_t at = layout.out_start[o] + t * layout.tap_step + input * layout.in_step;
              const std::int32_t integer = static_cast<std::int32_t>(values[static_cast<std::size_t>(at)]) - zero;
              result.integers.push_back(negative[o] ? -integer : integer);
            }
          }
        }
      },
      quantized.integers->data);
  return result;
}

std::vector<float> read_floats(const Constant& constant, const WeightLayout& layout) {
  // Large layers are most of a file, so float weights are not copied here.
  const auto* floats = std::get_if<std::vector<float>>(&constant.tensor->data);
  const std::vector<float> converted = floats != nullptr ? std::vector<float>() : constant.tensor->to_floats();
  const std::vector<float>& values = floats != nullptr ? *floats : converted;
  std::vector<float> result;
  result.reserve(values.size());
  for (const std::int64_t start : layout.out_start) {
    for (std::int64_t t = 0; t < layout.taps; ++t) {
      for (std::int64_t i = 0; i < layout.in; ++i) {
        const std::int64_t input = layout.in_order.empty() ? i : layout.in_order[static_cast<std::size_t>(i)];
        result.push_back(values[static_cast<std::size_t>(start + t * layout.tap_step + input * layout.in_step)] *
                         layout.factor);
      }
    }
  }
  return result;
}

// The number of int8 summands that can represent every weight integer.
int copies_for(const std::vector<std::int32_t>& integers) {
  int copies = 1;
  for (const std::int32_t integer : integers) {
    while (integer < copies * kLowest || integer > copies * kHighest) ++copies;
  }
  return copies;
}

}  // namespace

Weights read_weights(const Constant& constant, const WeightLayout& layout, std::int64_t in_axis) {
  Weights result;
  std::optional<WideIntegers> wide = read_integers(constant, layout);
  result.integers_are_lost = !wide && constant.quantized != nullptr;
  result.copies = wide ? copies_for(wide->integers) : 1;
  if (!wide || result.copies == 1) {
    result.filter.weights = read_floats(constant, layout);
    if (!wide) return result;
    graph::PreQuantizedWeights& weights = result.filter.pre_quantized.emplace();
    weights.integers = std::vector<std::int8_t>(wide->integers.begin(), wide->integers.end());
    weights.scales = std::move(wide->scales);
    return result;
  }

  // Each range of inputs is followed by its repetitions, which hold the remainders of the weight integers.
  const auto run = static_cast<std::size_t>(in_axis == 0 ? layout.in : in_axis);
  const std::size_t per_output = static_cast<std::size_t>(layout.taps * layout.in);
  const std::size_t total = wide->integers.size() * static_cast<std::size_t>(result.copies);
  std::vector<std::int8_t> integers;
  std::vector<float> weights;
  integers.reserve(total);
  weights.reserve(total);
  for (std::size_t start = 0; start < wide->integers.size(); start += run) {
    const float scale = wide->scales[start / per_output];
    for (int copy = 0; copy < result.copies; ++copy) {
      for (std::size_t i = start; i < start + run; ++i) {
        const std::int32_t integer = std::clamp(wide->integers[i], kLowest, kHighest);
        wide->integers[i] -= integer;
        integers.push_back(static_cast<std::int8_t>(integer));
        weights.push_back(static_cast<float>(integer) * scale);
      }
    }
  }
  result.filter.weights = std::move(weights);
  result.filter.pre_quantized = graph::PreQuantizedWeights{std::move(integers), std::move(wide->scales)};
  return result;
}

Result<graph::ValueId> input_for(Lowering& lowering, const Node& node, graph::ValueId value, const Weights& weights,
                                 int groups) {
  const int copies = weights.copies;
  if (weights.integers_are_lost) {
    lowering.log.add_layer("with quantized weights whose scales are not one per output, or not usable; left in float");
  }
  if (copies == 1) return value;
  lowering.log.add_layer("with weights that int8 can't hold, reading several copies of the input instead");
  const TensorShape shape = lowering.graph.shape(value);
  NARROW_ASSIGN(
      graph::ValueId repeated,
      lowering.graph.append(node, graph::Concat{}, std::vector<graph::ValueId>(static_cast<std::size_t>(copies), value),
                            {}, "/copies"));
  // The copies are on the same integers as their original. So they need no range of their own.
  const graph::Node* const producer = lowering.graph.producer(value);
  if (producer != nullptr && graph::is<graph::Dequantize>(producer->op)) {
    const Quantization quantization = lowering.graph.quantization(producer->inputs[0]);
    NARROW_ASSIGN(const graph::ValueId integers,
                  lowering.graph.append(node, graph::Quantize{}, {repeated}, {}, "/copies.integers"));
    lowering.graph.set_quantization(integers, quantization);
    NARROW_ASSIGN(repeated, lowering.graph.dequantize(node, integers));
  }
  if (groups == 1) return repeated;
  enum { kHeight, kWidth, kCopy, kGroup, kChannel, kRank };
  const View view = laid_out(repeated, kRank,
                             {{kHeight, shape.height},
                              {kWidth, shape.width},
                              {kCopy, copies},
                              {kGroup, groups},
                              {kChannel, shape.channels / groups}});
  NARROW_ASSIGN(const View arranged,
                lowering.layout.arranged(node, view, Axes{{{kHeight}, {kWidth}, {kGroup, kCopy, kChannel}}}));
  return arranged.value;
}

}  // namespace narrow::onnx
