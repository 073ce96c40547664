// How the vpdpbusd and tdpbusd convolutions lay out their weights: windows as segments, filters as panels of 1 to 4
// vectors of channels of nearly equal size.
// Packed: int64 offsets of the window's segments, then for each group, each panel:
//   int32 bias[channels], float multiplier[channels], weights [step of 4 bytes of a window][channels][4].
// Narrow weights are stored in a part of a byte (kernels/shared/narrow_weights.h) and unpacked once for all the pixels
// of a block, or in registers where there are few. The contents of the *_vnni.h headers are static: each ISA compiles
// its own copy, which the linker never sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/arithmetic.h"
#include "kernels/convolution.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/narrow_weights.h"
#include "kernels/shared/transpose_channels.h"

namespace narrow::kernels::vnni {

static constexpr std::int64_t kStepElems = 4;

// The depth layout: a window as segments. A segment is a row of the window, or a single tap if the layer has groups or
// horizontal dilation.
struct PanelLayout {
  std::int64_t group_in, group_out;
  bool whole_rows;
  std::int64_t segments;
  std::int64_t segment_elems;
  std::int64_t segment_steps;
  std::int64_t lanes;         // channels of a vector
  std::int64_t vectors;       // of a panel
  std::int64_t last_vectors;  // of the last panel of a group
  std::int64_t panels;        // of a group
  std::int64_t offsets_bytes;
  WeightStorage storage;
};

static inline PanelLayout panel_layout(const ConvolutionProblem& problem, std::int64_t lanes,
                                       std::int64_t max_vectors) {
  const ConvolutionShape& shape = problem.shape;
  PanelLayout layout;
  layout.group_in = shape.group_in();
  layout.group_out = shape.group_out();
  layout.whole_rows = shape.groups == 1 && (shape.dilation_w == 1 || shape.kernel_w == 1);
  layout.segments = layout.whole_rows ? shape.kernel_h : std::int64_t{shape.kernel_h} * shape.kernel_w;
  layout.segment_elems = layout.whole_rows ? shape.kernel_w * layout.group_in : layout.group_in;
  layout.segment_steps = base::ceil_div(layout.segment_elems, kStepElems);
  layout.lanes = lanes;
  const std::int64_t vectors = base::ceil_div(layout.group_out, lanes);
  layout.panels = base::ceil_div(vectors, max_vectors);
  layout.vectors = base::ceil_div(vectors, layout.panels);
  layout.panels = base::ceil_div(vectors, layout.vectors);
  layout.last_vectors = vectors - (layout.panels - 1) * layout.vectors;
  layout.offsets_bytes = base::round_up(layout.segments * std::int64_t{sizeof(std::int64_t)}, 64);
  layout.storage = weight_storage(problem);
  return layout;
}

static inline std::int64_t panel_vectors(const PanelLayout& layout, std::int64_t panel) {
  return panel + 1 < layout.panels ? layout.vectors : layout.last_vectors;
}
static inline std::int64_t head_bytes(const PanelLayout& layout, std::int64_t vectors) {
  return vectors * layout.lanes * std::int64_t{sizeof(std::int32_t) + sizeof(float)};
}
static inline std::int64_t weight_units(const PanelLayout& layout, std::int64_t vectors) {
  return layout.segments * layout.segment_steps * vectors * layout.lanes * kStepElems / kUnit;
}
static inline std::int64_t panel_bytes(const PanelLayout& layout, std::int64_t vectors) {
  return head_bytes(layout, vectors) + base::round_up(weight_units(layout, vectors) * unit_bytes(layout.storage), 64);
}
static inline std::int64_t group_bytes(const PanelLayout& layout) {
  return (layout.panels - 1) * panel_bytes(layout, layout.vectors) + panel_bytes(layout, layout.last_vectors);
}

// The lane of channel `c` of a panel. Packing int32 to bytes works within 128 bits; from this order it returns channels
// 0, 1, 2, ...
static inline std::int64_t place_in_panel(std::int64_t c, std::int64_t vectors, std::int64_t lanes) {
  return c % (4 * vectors) / 4 * lanes + c / (4 * vectors) * 4 + c % 4;
}

static inline bool is_byte(std::int64_t value) { return value >= 0 && value <= 255; }

// Refuses unless inputs and outputs are bytes, the bias with -zero_point * sum(w) is an int32, and outputs before
// rounding fit an int32 with a margin. Then converting them can't overflow, and the saturation of packing clamps them.
// Residual sums are limited before they are rounded.
static inline Refusal refuse_panels(const ConvolutionProblem& problem) {
  constexpr double kLargest = 2.0e9;
  constexpr const char* kRanges = "the ranges of its input or output are not within uint8";
  if (!is_byte(problem.input_range.lo) || !is_byte(problem.input_range.hi) || !is_byte(problem.input_zero_point)) {
    return {.why = kRanges};
  }
  if (problem.output_type != OutputType::kFloat32 &&
      (!is_byte(problem.output_range.lo) || !is_byte(problem.output_range.hi) ||
       problem.output_range.lo > problem.output_range.hi || !is_byte(problem.output_zero_point))) {
    return {.why = kRanges};
  }
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const std::int64_t bias = folded_bias(problem, c);
    if (bias < INT32_MIN || bias > INT32_MAX) {
      return {.why = "the bias minus zero point times weights does not fit int32", .channel = c};
    }
    if (problem.output_type != OutputType::kUint8) continue;
    const std::int64_t magnitude = problem.sums[c].magnitude() * largest_byte(problem) + (bias < 0 ? -bias : bias);
    if (static_cast<double>(magnitude) * static_cast<double>(problem.multiplier[c]) > kLargest) {
      return {.why = "its sums times the multiplier may exceed int32", .channel = c};
    }
  }
  return {};
}

// One panel: channels [first, first + count) of the layer, count <= vectors * lanes.
static inline void pack_panel(const ConvolutionProblem& problem, const PanelLayout& layout, std::int64_t first,
                              std::int64_t count, std::int64_t vectors, std::byte* panel) {
  const std::int64_t channels = vectors * layout.lanes;
  const std::int64_t depth = layout.segments * layout.segment_elems;
  std::memset(panel, 0, static_cast<std::size_t>(head_bytes(layout, vectors)));
  std::int32_t* const bias = reinterpret_cast<std::int32_t*>(panel);
  float* const multiplier = reinterpret_cast<float*>(panel) + channels;
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int64_t place = place_in_panel(c, vectors, layout.lanes);
    bias[place] = static_cast<std::int32_t>(folded_bias(problem, first + c));
    multiplier[place] = problem.multiplier[first + c];
  }
  std::byte* to = panel + head_bytes(layout, vectors);
  const std::int8_t* from = problem.weights + first * depth;
  constexpr std::int64_t kStepsBytes = 4096;  // bytes of depth steps that are ordered before they are stored
  alignas(64) std::int8_t steps[kStepsBytes] = {};
  const std::int64_t step_bytes = channels * kStepElems;
  const std::int64_t block_elems = kStepsBytes / step_bytes * kStepElems;
  const auto lane = [&](std::int64_t c) { return steps + place_in_panel(c, vectors, layout.lanes) * kStepElems; };
  for (std::int64_t s = 0; s < layout.segments; ++s, from += layout.segment_elems) {
    for (std::int64_t k = 0; k < layout.segment_elems; k += block_elems) {
      const std::int64_t elems = base::clamped(layout.segment_elems - k, 1, block_elems);
      const std::int8_t* const block = from + k;
      std::int64_t c = 0;
      for (; c + 4 <= count; c += 4) {
        pack_four_channels<kStepElems>(block + c * depth, depth, elems, step_bytes, lane(c));
      }
      for (; c < count; ++c) pack_one_channel<kStepElems>(block + c * depth, elems, step_bytes, lane(c));
      const std::int64_t units = base::ceil_div(elems, kStepElems) * step_bytes / kUnit;
      store_units(layout.storage, steps, units, to);
      to += units * unit_bytes(layout.storage);
    }
  }
}

}  // namespace narrow::kernels::vnni
