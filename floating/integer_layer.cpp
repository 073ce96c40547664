#include "floating/integer_layer.h"

#include <algorithm>
#include <span>

#include "graph/quantization.h"

namespace narrow::graph {
namespace {

// Single precision holds all integers up to this one.
constexpr double kLargestExactSum = 0x1p24;

// Divides the filter into parts for which single precision holds all sums and partial sums. Levels lie in [input.lo(),
// input.hi()], which contains 0. weights: [channels, depth]; each part has the same shape.
std::vector<std::vector<float>> exact_parts(std::span<const std::int8_t> weights, std::size_t channels,
                                            const Levels& input) {
  const std::size_t depth = weights.size() / channels;
  std::vector<std::vector<float>> parts(1, std::vector<float>(weights.size(), 0.0F));
  for (std::size_t c = 0; c < channels; ++c) {
    std::size_t part = 0;
    double lowest = 0;
    double highest = 0;
    for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
      const double weight = weights[i];
      const double low = std::min(weight * double{input.lo()}, weight * double{input.hi()});
      const double high = std::max(weight * double{input.lo()}, weight * double{input.hi()});
      if (lowest + low < -kLargestExactSum || highest + high > kLargestExactSum) {
        lowest = highest = 0;
        if (++part == parts.size()) parts.emplace_back(weights.size(), 0.0F);
      }
      lowest += low;
      highest += high;
      parts[part][i] = static_cast<float>(weight);
    }
  }
  return parts;
}

}  // namespace

IntegerLayer::IntegerLayer(const DnnlContext& context, const Node& node, const TensorShape& in, const TensorShape& out,
                           const Quantization& input, const std::optional<Quantization>& output)
    : node_(node),
      in_(in),
      out_(out),
      input_quantization_(input),
      input_levels_(input),
      output_quantization_(output),
      no_bias_(static_cast<std::size_t>(out.channels), 0.0F) {
  if (output) output_quantization_->range = clamped_range(*output, node.clamp);
  *filter_of(node_) = Filter{};
  set_filter(context, *filter_of(node)->quantized);
}

void IntegerLayer::set_filter(const DnnlContext& context, const QuantizedFilter& filter) {
  const std::size_t channels = filter.scales.size();
  bias_ = filter.bias;
  multipliers_.resize(channels);
  const double out_scale = output_quantization_ ? double{output_quantization_->scale} : 1.0;
  for (std::size_t c = 0; c < channels; ++c) {
    multipliers_[c] = static_cast<float>(double{input_quantization_.scale} * double{filter.scales[c]} / out_scale);
  }
  std::vector<std::int8_t> buffer;
  const std::span<const std::int8_t> weights = filter.integers(buffer);
  if (std::holds_alternative<Convolution>(node_.op)) {
    set_parts(context, exact_parts(weights, channels, input_levels_));
  } else {
    weights_ = filter.packed ? std::vector<std::int8_t>(weights.begin(), weights.end()) : filter.weights;
    narrow_levels_.resize(level_count());
  }
}

void IntegerLayer::set_parts(const DnnlContext& context, const std::vector<std::vector<float>>& parts) {
  while (parts_.size() > parts.size()) parts_.pop_back();
  while (parts_.size() < parts.size()) {
    DnnlLayer& added = parts_.emplace_back(context, node_, in_, out_, Clamp{});
    dnnl_bytes_ = added.workspace_bytes();  // all parts have the same shape
    if (output_ != nullptr) added.bind(context, workspace_.levels, output_, workspace_.dnnl);
  }
  for (std::size_t p = 0; p < parts.size(); ++p) parts_[p].set_filter(context, parts[p], no_bias_);
}

void IntegerLayer::bind(const DnnlContext& context, const float* input, float* output, const Workspace& workspace) {
  input_ = input;
  output_ = output;
  workspace_ = workspace;
  for (DnnlLayer& part : parts_) part.bind(context, workspace.levels, output, workspace.dnnl);
}

void IntegerLayer::run(const DnnlContext& context) {
  if (parts_.empty()) {
    run_linear();
  } else {
    run_convolution(context);
  }
}

void IntegerLayer::run_convolution(const DnnlContext& context) {
  for (std::size_t i = 0; i < level_count(); ++i) workspace_.levels[i] = input_levels_.of(input_[i]);
  parts_[0].run(context);
  const auto part_sum = [this](std::size_t i) { return static_cast<std::int32_t>(output_[i]); };
  if (parts_.size() == 1) return finish(part_sum);
  for (std::size_t i = 0; i < sum_count(); ++i) workspace_.sums[i] = part_sum(i);
  for (std::size_t p = 1; p < parts_.size(); ++p) {
    parts_[p].run(context);
    for (std::size_t i = 0; i < sum_count(); ++i) workspace_.sums[i] += part_sum(i);
  }
  finish([this](std::size_t i) { return workspace_.sums[i]; });
}

void IntegerLayer::run_linear() {
  const std::size_t depth = level_count();
  for (std::size_t i = 0; i < depth; ++i) {
    narrow_levels_[i] = static_cast<std::int16_t>(input_levels_.of(input_[i]));
  }
  const std::int16_t* levels = narrow_levels_.data();
  for (std::size_t o = 0; o < sum_count(); ++o) {
    const std::int8_t* weights = weights_.data() + o * depth;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < depth; ++i) sum += levels[i] * weights[i];
    workspace_.sums[o] = sum;
  }
  finish([this](std::size_t i) { return workspace_.sums[i]; });
}

template <class Accumulator>
void IntegerLayer::finish(const Accumulator& accumulator) {
  const auto channels = static_cast<std::size_t>(out_.channels);
  const std::int32_t* bias = bias_.data();
  const float* multipliers = multipliers_.data();
  const auto write = [&](const auto& real) {
    for (std::size_t first = 0; first < sum_count(); first += channels) {
      for (std::size_t c = 0; c < channels; ++c) {
        output_[first + c] = real(static_cast<float>(accumulator(first + c) + bias[c]) * multipliers[c]);
      }
    }
  };
  if (output_quantization_) {
    const Levels levels(*output_quantization_);
    write([levels](float steps) { return levels.real(levels.nearest(steps)); });
  } else {
    const Clamp clamp = node_.clamp;
    write([clamp](float x) { return std::min(std::max(x, clamp.lo), clamp.hi); });
  }
}

}  // namespace narrow::graph
