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
  const auto of_constant = [&layout](std::size_t o) {
    return layout.outputs.empty() ? o : static_cast<std::size_t>(layout.outputs[o]);
  };
  const std::size_t outs_of_constant =
      layout.outputs.empty()
          ? outs
          : static_cast<std::size_t>(quantized.integers->dims[static_cast<std::size_t>(layout.out_axis)]);
  const bool per_output = quantized.scales.size() == outs_of_constant && quantized.axis == layout.out_axis;
  if (quantized.scales.size() != 1 && !per_output) return std::nullopt;

  WideIntegers result;
  // Training may make a scale negative. The weight integers then take its sign.
  std::vector<bool> negative;
  for (std::size_t o = 0; o < outs; ++o) {
    const float scale = quantized.scales[quantized.scales.size() == 1 ? 0 : of_constant(o)] * layout.factor;
    if (!(std::abs(scale) >= std::numeric_limits<float>::min()) || !std::isfinite(scale)) return std::nullopt;
    result.scales.push_back(std::abs(scale));
    negative.push_back(scale < 0);
  }
  result.integers.reserve(static_cast<std::size_t>(quantized.integers->elems()));
  std::visit(
      [&](const auto& values) {
        for (std::size_t o = 0; o < outs; ++o) {
          const std::size_t at_zero = quantized.zero_points.size() == 1 ? 0 : of_constant(o);
          const auto zero = static_cast<std::int32_t>(quantized.zero_points[at_zero]);
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

// The number of int8 summands that can represent the integer.
int summands_of(std::int32_t integer) {
  int count = 1;
  while (integer < count * kLowest || integer > count * kHighest) ++count;
  return count;
}

// The inputs that are read again, where the integers of `run` inputs follow each other: those with a weight of two or
// more summands, then those with one of three or more, ...
std::vector<std::int64_t> repeated_inputs(const std::vector<std::int32_t>& integers, std::size_t run) {
  std::vector<int> summands(run, 1);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    summands[i % run] = std::max(summands[i % run], summands_of(integers[i]));
  }
  std::vector<std::int64_t> repeated;
  const int most = *std::max_element(summands.begin(), summands.end());
  for (int copy = 2; copy <= most; ++copy) {
    for (std::size_t i = 0; i < run; ++i) {
      if (summands[i] >= copy) repeated.push_back(static_cast<std::int64_t>(i));
    }
  }
  return repeated;
}

}  // namespace

Weights read_weights(const Constant& constant, const WeightLayout& layout, std::int64_t in_axis) {
  Weights result;
  std::optional<WideIntegers> wide = read_integers(constant, layout);
  result.integers_are_lost = !wide && constant.quantized != nullptr;
  const auto run = static_cast<std::size_t>(in_axis == 0 ? layout.in : in_axis);
  if (wide) result.repeated = repeated_inputs(wide->integers, run);
  if (result.repeated.empty()) {
    result.filter.weights = read_floats(constant, layout);
    if (!wide) return result;
    graph::PreQuantizedWeights& weights = result.filter.pre_quantized.emplace();
    weights.integers = std::vector<std::int8_t>(wide->integers.begin(), wide->integers.end());
    weights.scales = std::move(wide->scales);
    return result;
  }

  // The inputs of each pixel are followed by the repeated ones, which have the remainders of the weight integers.
  const auto per_output = static_cast<std::size_t>(layout.taps * layout.in);
  const std::size_t total = wide->integers.size() / run * (run + result.repeated.size());
  std::vector<std::int8_t> integers;
  std::vector<float> weights;
  integers.reserve(total);
  weights.reserve(total);
  for (std::size_t start = 0; start < wide->integers.size(); start += run) {
    const float scale = wide->scales[start / per_output];
    const auto take = [&](std::size_t i) {
      const std::int32_t integer = std::clamp(wide->integers[start + i], kLowest, kHighest);
      wide->integers[start + i] -= integer;
      integers.push_back(static_cast<std::int8_t>(integer));
      weights.push_back(static_cast<float>(integer) * scale);
    };
    for (std::size_t i = 0; i < run; ++i) take(i);
    for (const std::int64_t i : result.repeated) take(static_cast<std::size_t>(i));
  }
  result.filter.weights = std::move(weights);
  result.filter.pre_quantized = graph::PreQuantizedWeights{std::move(integers), std::move(wide->scales)};
  return result;
}

std::vector<bool> outputs_beyond_int8(const Constant& constant, const WeightLayout& layout) {
  const std::optional<WideIntegers> wide = read_integers(constant, layout);
  if (!wide) return {};
  std::vector<bool> beyond(layout.out_start.size(), false);
  const auto per_output = static_cast<std::size_t>(layout.taps * layout.in);
  for (std::size_t i = 0; i < wide->integers.size(); ++i) {
    if (summands_of(wide->integers[i]) > 1) beyond[i / per_output] = true;
  }
  return beyond;
}

Result<graph::ValueId> input_for(Lowering& lowering, const Node& node, graph::ValueId value, const Weights& weights,
                                 int groups) {
  if (weights.integers_are_lost) {
    lowering.log.add_layer("with quantized weights whose scales are not one per output, or not usable; left in float");
  }
  if (weights.repeated.empty()) return value;
  lowering.log.add_layer("with weights that int8 can't hold, which reads the input channels of these weights again");
  // Gather is lossless: its result is on the same integers as its input.
  const std::int64_t in = lowering.graph.shape(value).channels / groups;
  graph::Gather op;
  for (std::int64_t first = 0; first < in * groups; first += in) {
    for (std::int64_t i = 0; i < in; ++i) op.indices.push_back(static_cast<std::int32_t>(first + i));
    for (const std::int64_t i : weights.repeated) op.indices.push_back(static_cast<std::int32_t>(first + i));
  }
  return lowering.graph.append(node, std::move(op), {value}, {}, "/repeated");
}

}  // namespace narrow::onnx
