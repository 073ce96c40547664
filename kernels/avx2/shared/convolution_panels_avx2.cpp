#include "kernels/avx2/shared/convolution_panels_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/shared/folded_bias.h"
#include "kernels/shared/transpose_channels.h"

namespace narrow::kernels::avx2 {
namespace {

// Stores the weights of a panel's channels, [channel][segment][element], as depth steps of [16 channels][kElems].
template <int kElems>
void pack_weights(const PanelLayout& layout, const std::int8_t* weights, int channels, std::byte* panel) {
  constexpr std::int64_t kStep = kPanelChannels * kElems;
  constexpr std::int64_t kSteps = 64;  // depth steps that are ordered before they are stored
  const std::int64_t depth = layout.depth();
  alignas(64) std::int8_t steps[kSteps * kStep] = {};
  for (std::int64_t s = 0; s < layout.segments; ++s, weights += layout.segment_elems) {
    for (std::int64_t k = 0; k < layout.segment_elems; k += kSteps * kElems) {
      const std::int64_t left = layout.segment_elems - k;
      const std::int64_t elems = left < kSteps * kElems ? left : kSteps * kElems;
      int c = 0;
      for (; c + 4 <= channels; c += 4) {
        pack_four_channels<kElems>(weights + c * depth + k, depth, elems, kStep, steps + place_in_panel(c) * kElems);
      }
      for (; c < channels; ++c) {
        pack_one_channel<kElems>(weights + c * depth + k, elems, kStep, steps + place_in_panel(c) * kElems);
      }
      const std::int64_t units = (elems + kElems - 1) / kElems * kStep / kUnit;
      store_units(layout.storage, steps, units, panel);
      panel += units * unit_bytes(layout.storage);
    }
  }
}

// Widens to `bytes` bytes of int16, a multiple of 32, 32-byte aligned.
void widen_to_words(const std::byte* from, std::int64_t bytes, std::byte* to) {
  for (const std::byte* const end = to + bytes; to != end; to += 32, from += 16) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to),
                       _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(from))));
  }
}

}  // namespace

PanelLayout panel_layout(const ConvolutionProblem& problem, BlockElement element) {
  const ConvolutionShape& shape = problem.shape;
  PanelLayout layout;
  layout.group_in = shape.in_c / shape.groups;
  layout.group_out = shape.out_c / shape.groups;
  layout.whole_rows = shape.groups == 1 && (shape.dilation_w == 1 || shape.kernel_w == 1);
  layout.segments = layout.whole_rows ? shape.kernel_h : std::int64_t{shape.kernel_h} * shape.kernel_w;
  layout.segment_elems = layout.whole_rows ? std::int64_t{shape.kernel_w} * layout.group_in : layout.group_in;
  layout.step_elems = element == BlockElement::kU8 ? 4 : 2;
  layout.segment_steps = (layout.segment_elems + layout.step_elems - 1) / layout.step_elems;
  layout.panels = (layout.group_out + kPanelChannels - 1) / kPanelChannels;
  // Layers with narrow weights have kernels that are faster than those of int16.
  const bool bytes = element == BlockElement::kU8;
  if (bytes) layout.storage = weight_storage(problem);
  const std::int64_t units = layout.segments * layout.segment_steps * layout.step_elems * kPanelChannels / kUnit;
  layout.panel_bytes = kPanelHeadBytes + (units * unit_bytes(layout.storage) + 63) / 64 * 64;
  layout.wide_bytes = kPanelHeadBytes + units * kUnit * (bytes ? 1 : 2);
  layout.offsets_bytes = (layout.segments * std::int64_t{sizeof(std::int64_t)} + 63) / 64 * 64;
  return layout;
}

int panel_channel_step(const ConvolutionProblem& problem) {
  return problem.shape.groups == 1 ? kPanelChannels : problem.shape.group_out();
}

double panel_cost(const ConvolutionProblem& problem, BlockElement element, const costs::Panel& costs) {
  const PanelLayout layout = panel_layout(problem, element);
  const double pixels = static_cast<double>(problem.shape.out_h) * problem.shape.out_w;
  const double panels = static_cast<double>(layout.panels) * problem.shape.groups;
  const double steps = static_cast<double>(layout.segments * layout.segment_steps);
  const BlockPlan plan = plan_blocks(problem.shape, element);
  const double block_bytes = static_cast<double>(problem.shape.out_h * plan.line_step * plan.line_bytes);
  return pixels * panels * (steps * costs.step + costs.tile) + block_bytes / 32 * costs.load;
}

Refusal refuse_wide_ranges(const ConvolutionProblem& problem) {
  const bool fits = problem.input_range.lo >= 0 && problem.input_range.hi <= 255 && problem.input_zero_point >= 0 &&
                    problem.input_zero_point <= 255 && output_is_supported(problem);
  if (fits) return {};
  return {.why = "the ranges of its input or output are not within uint8"};
}

Refusal refuse_wide_bias(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_wide_ranges(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const std::int64_t bias = folded_bias(problem, c);
    if (bias < INT32_MIN || bias > INT32_MAX) {
      return {.why = "the bias minus zero point times weights does not fit int32", .channel = c};
    }
  }
  return {};
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
  const bool bytes = element == BlockElement::kU8;
  std::byte* panel = panels;
  for (int first = 0; first < problem.shape.out_c; panel += layout.panel_bytes) {
    const int left = layout.group_out - first % layout.group_out;
    const int channels = left < kPanelChannels ? left : kPanelChannels;
    std::memset(panel, 0, kPanelHeadBytes);
    for (int c = 0; c < channels; ++c) {
      const int lane = place_in_panel(c);
      reinterpret_cast<std::int32_t*>(panel)[lane] =
          bytes ? static_cast<std::int32_t>(folded_bias(problem, first + c)) : problem.bias[first + c];
      reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[first + c];
    }
    const std::int8_t* const weights = problem.weights + first * layout.depth();
    if (bytes) {
      pack_weights<4>(layout, weights, channels, panel + kPanelHeadBytes);
    } else {
      pack_weights<2>(layout, weights, channels, panel + kPanelHeadBytes);
    }
    first += channels;
  }
}

std::size_t panel_workspace_bytes(const ConvolutionProblem& problem, BlockElement element) {
  const PanelLayout layout = panel_layout(problem, element);
  const bool as_stored = element == BlockElement::kU8 && layout.storage.bits == 8;
  const std::int64_t wide = as_stored ? 0 : layout.wide_bytes;
  return static_cast<std::size_t>(plan_blocks(problem.shape, element).workspace_bytes + wide);
}

OpenPanel open_panel(const PanelLayout& layout, const std::byte* panel, std::int64_t pixels, std::byte* wide) {
  // For fewer pixels, int16 weights in memory cost more than they save.
  constexpr std::int64_t kPixelsForWords = 64;
  const bool words = layout.step_elems == 2;
  if (words && pixels < kPixelsForWords) return {panel, tiles_s16_bytes()};
  if (!words && layout.storage.bits == 8) return {panel, tiles_u8()};
  std::memcpy(wide, panel, kPanelHeadBytes);
  const std::byte* const from = panel + kPanelHeadBytes;
  const std::int64_t bytes = layout.wide_bytes - kPanelHeadBytes;
  if (words) {
    widen_to_words(from, bytes, wide + kPanelHeadBytes);
    return {wide, tiles_s16()};
  }
  widen_units(layout.storage, from, bytes / kUnit, wide + kPanelHeadBytes);
  return {wide, tiles_u8()};
}

}  // namespace narrow::kernels::avx2
