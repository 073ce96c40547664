#include "kernels/avx2/convolution_panels_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

std::int64_t weight_sum(const std::int8_t* weights, std::int64_t count) {
  std::int64_t sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += weights[k];
  return sum;
}

std::int64_t folded_bias(const ConvolutionProblem& problem, std::int64_t depth, int channel) {
  return problem.bias[channel] - problem.input_zero_point * weight_sum(problem.weights + channel * depth, depth);
}

// `weights` of one channel, in canonical order, to place `lane` of a panel.
template <typename Element>
void pack_channel(const PanelLayout& layout, const std::int8_t* weights, int lane, Element* panel) {
  for (std::int64_t s = 0; s < layout.segments; ++s) {
    for (std::int64_t k = 0; k < layout.segment_elems; ++k) {
      const std::int64_t step = s * layout.segment_steps + k / layout.step_elems;
      panel[(step * kPanelChannels + lane) * layout.step_elems + k % layout.step_elems] =
          static_cast<Element>(widened(*weights++));
    }
  }
}

}  // namespace

PanelLayout panel_layout(const ConvolutionShape& shape, BlockElement element) {
  PanelLayout layout;
  layout.group_in = shape.in_c / shape.groups;
  layout.group_out = shape.out_c / shape.groups;
  layout.whole_rows = shape.groups == 1 && (shape.dilation_w == 1 || shape.kernel_w == 1);
  layout.segments = layout.whole_rows ? shape.kernel_h : std::int64_t{shape.kernel_h} * shape.kernel_w;
  layout.segment_elems = layout.whole_rows ? std::int64_t{shape.kernel_w} * layout.group_in : layout.group_in;
  layout.step_elems = element == BlockElement::kU8 ? 4 : 2;
  layout.segment_steps = (layout.segment_elems + layout.step_elems - 1) / layout.step_elems;
  layout.panels = (layout.group_out + kPanelChannels - 1) / kPanelChannels;
  layout.panel_bytes = kPanelHeadBytes + layout.segments * layout.segment_steps * kStepWeightBytes;
  layout.offsets_bytes = (layout.segments * std::int64_t{sizeof(std::int64_t)} + 63) / 64 * 64;
  return layout;
}

int panel_channel_step(const ConvolutionProblem& problem) {
  return problem.shape.groups == 1 ? kPanelChannels : problem.shape.group_out();
}

double panel_cost(const ConvolutionProblem& problem, BlockElement element, double step_cycles) {
  // Loading and writing out: 16 channels of a pixel, and 32 bytes of the input's block.
  constexpr double kTileCycles = 8;
  constexpr double kLoadCycles = 2;
  const PanelLayout layout = panel_layout(problem.shape, element);
  const double pixels = static_cast<double>(problem.shape.out_h) * problem.shape.out_w;
  const double panels = static_cast<double>(layout.panels) * problem.shape.groups;
  const double steps = static_cast<double>(layout.segments * layout.segment_steps);
  const BlockPlan plan = plan_blocks(problem.shape, element);
  const double block_bytes = static_cast<double>(problem.shape.out_h * plan.line_step * plan.line_bytes);
  return pixels * panels * (steps * step_cycles + kTileCycles) + block_bytes / 32 * kLoadCycles;
}

bool fits_bytes(const ConvolutionProblem& problem) {
  return problem.input_range.lo >= 0 && problem.input_range.hi <= 255 && problem.input_zero_point >= 0 &&
         problem.input_zero_point <= 255 && output_is_supported(problem);
}

bool folded_bias_fits(const ConvolutionProblem& problem) {
  const std::int64_t depth = problem.shape.depth();
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const std::int64_t bias = folded_bias(problem, depth, c);
    if (bias < INT32_MIN || bias > INT32_MAX) return false;
  }
  return true;
}

std::int32_t largest_byte(const ConvolutionProblem& problem) {
  return problem.input_range.hi > problem.input_zero_point ? problem.input_range.hi : problem.input_zero_point;
}

void pack_offsets(const ConvolutionProblem& problem, const PanelLayout& layout, const BlockPlan& plan,
                  std::int64_t* offsets) {
  const ConvolutionShape& shape = problem.shape;
  for (std::int64_t s = 0; s < layout.segments; ++s) {
    const std::int64_t kh = layout.whole_rows ? s : s / shape.kernel_w;
    const std::int64_t kw = layout.whole_rows ? 0 : s % shape.kernel_w;
    offsets[s] = kh * shape.dilation_h * plan.line_bytes + kw * shape.dilation_w * plan.pixel_bytes;
  }
}

void pack_panels(const ConvolutionProblem& problem, const PanelLayout& layout, BlockElement element,
                 std::byte* panels) {
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const int in_group = c % layout.group_out;
    const int lane = place_in_panel(in_group % kPanelChannels);
    std::byte* const panel =
        panels + (c / layout.group_out * layout.panels + in_group / kPanelChannels) * layout.panel_bytes;
    const bool bytes = element == BlockElement::kU8;
    reinterpret_cast<std::int32_t*>(panel)[lane] =
        bytes ? static_cast<std::int32_t>(folded_bias(problem, layout.depth(), c)) : problem.bias[c];
    reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[c];
    const std::int8_t* const weights = problem.weights + c * layout.depth();
    std::byte* const to = panel + kPanelHeadBytes;
    if (bytes) {
      pack_channel(layout, weights, lane, reinterpret_cast<std::int8_t*>(to));
    } else {
      pack_channel(layout, weights, lane, reinterpret_cast<std::int16_t*>(to));
    }
  }
}

}  // namespace narrow::kernels::avx2
