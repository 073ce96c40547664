// What the direct convolutions of AVX-VNNI, AVX512-VNNI and AMX share: everything except the tiles, for any groups,
// strides, dilation and padding. vpdpbusd adds 4 products of unsigned x and signed w to an int32 and never saturates,
// so it is exact for any 8 x 8 bits. The bias includes -zero_point * sum(w).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/vnni/block_vnni.h"
#include "kernels/shared/vnni/layout_vnni.h"
#include "kernels/shared/vnni/tile_vnni.h"

namespace narrow::kernels::vnni {

// The rows of the window that outputs in rows [first, last] of an image read. All other rows are padding for all of
// them.
struct WindowRows {
  std::int64_t begin, end;
};
static inline WindowRows rows_outside_padding(const ConvolutionShape& shape, std::int64_t first, std::int64_t last) {
  const std::int64_t above = shape.pad.top - last * shape.stride_h;
  const std::int64_t below = shape.in_h + shape.pad.top - first * shape.stride_h;
  const std::int64_t end = base::clamped(below > 0 ? base::ceil_div(below, shape.dilation_h) : 0, 0, shape.kernel_h);
  const std::int64_t begin = base::clamped(above > 0 ? base::ceil_div(above, shape.dilation_h) : 0, 0, shape.kernel_h);
  if (begin >= end) return {0, shape.kernel_h};
  return {begin, end};
}

// Stores `count` outputs of a pixel from lanes of a panel in memory. The scores of an image are few.
[[gnu::cold]] static void store_floats(const ConvolutionProblem& problem, const std::int32_t* acc,
                                       const float* multiplier, std::int64_t vectors, std::int64_t lanes,
                                       std::int64_t count, float* out) {
  const Clamp clamp = problem.output_clamp;
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int64_t place = place_in_panel(c, vectors, lanes);
    float y = static_cast<float>(acc[place]) * multiplier[place];
    y = y < clamp.lo ? clamp.lo : y;
    out[c] = clamp.hi < y ? clamp.hi : y;
  }
}

// A memcpy of less than 64 bytes, for a count that rarely changes.
static inline void copy_bytes(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) {
  for (std::int64_t size = 32; size > 0; size /= 2) {
    if ((count & size) == 0) continue;
    if (size == 32) std::memcpy(to, from, 32);
    if (size == 16) std::memcpy(to, from, 16);
    if (size == 8) std::memcpy(to, from, 8);
    if (size == 4) std::memcpy(to, from, 4);
    if (size == 2) std::memcpy(to, from, 2);
    if (size == 1) *to = *from;
    from += size;
    to += size;
  }
}

// What the calls for one panel share. Tiles: kLanes, kMaxVectors, kMaxPixels, max_pixels(vectors), tile(vectors,
// pixels), which is called like a TileFunction, and store_sums(problem, sums): residual sums of accumulators in memory.
// kEqualTiles: tiles have nearly equal sizes, because full tiles and a small remainder would take longer.
// kNarrowVectors: narrow_tile() is for one pixel, a panel of so many vectors, and weights as they are stored; 0: there
// is none.
template <class Tiles>
struct PanelRun {
  const ConvolutionProblem& problem;
  const PanelLayout& layout;
  const ConvolutionPart& part;
  std::int64_t vectors;
  std::int64_t channels;  // at most vectors * kLanes
  std::int64_t row;       // first output row of the block
  std::int64_t pixels;    // of the block
  const std::byte* next;  // the next panel
  bool narrow;            // weights are read as they are stored
};

template <class Tiles>
NARROW_INLINE void run_panel(const PanelRun<Tiles>& run, TileInput input, void* output, std::int64_t index) {
  constexpr std::int64_t kMaxChannels = Tiles::kLanes * Tiles::kMaxVectors;
  alignas(64) std::int32_t acc[Tiles::kMaxPixels * kMaxChannels];
  const ConvolutionProblem& problem = run.problem;
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t lanes = run.vectors * Tiles::kLanes;
  const bool bytes = problem.output_type == OutputType::kUint8;
  const bool whole = bytes && run.channels == lanes;
  const std::int64_t max_pixels = run.narrow ? 1 : Tiles::max_pixels(run.vectors);
  const std::int64_t tiles = base::ceil_div(run.pixels, max_pixels);
  const std::int64_t small = run.pixels / tiles;
  const std::int64_t larger = run.pixels % tiles;
  const bool skip_padding = problem.input_zero_point == 0 && shape.kernel_h > 1 && shape.pad.top + shape.pad.bottom > 0;
  const std::int64_t* const offsets = input.offsets;
  const std::byte* const weights = input.weights;
  const std::int64_t row_segments = run.layout.segments / shape.kernel_h;
  const std::int64_t segment_weights =
      run.layout.segment_steps * kStepElems * lanes * (run.narrow ? run.layout.storage.bits : 8) / 8;  // bytes
  const std::uint8_t* const* windows = input.windows;
  TileOutput tile_output{nullptr,
                         shape.out_c,
                         acc,
                         static_cast<std::int16_t>(problem.output_zero_point),
                         static_cast<std::uint8_t>(problem.output_range.lo),
                         static_cast<std::uint8_t>(problem.output_range.hi)};
  WeightsAhead ahead{run.next, panel_bytes(run.layout, run.layout.vectors)};
  std::int64_t pixel = 0;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t equal = t < larger ? small + 1 : small;
    const std::int64_t now = Tiles::kEqualTiles ? equal : base::min(run.pixels - pixel, max_pixels);
    input.windows = windows + pixel;
    if (skip_padding) {
      const std::int64_t first = run.row + pixel / shape.out_w;
      const std::int64_t last = run.row + (pixel + now - 1) / shape.out_w;
      WindowRows rows{0, shape.kernel_h};
      if (first / shape.out_h == last / shape.out_h) {
        rows = rows_outside_padding(shape, first % shape.out_h, last % shape.out_h);
      }
      input.offsets = offsets + rows.begin * row_segments;
      input.weights = weights + rows.begin * row_segments * segment_weights;
      input.segments = (rows.end - rows.begin) * row_segments;
    }
    input.ahead = ahead.take(input.segments * run.layout.segment_steps);
    const auto tile = [&] {
      if constexpr (Tiles::kNarrowVectors > 0) {
        if (run.narrow) return Tiles::narrow_tile();
      }
      return Tiles::tile(run.vectors, now);
    }();
    if (whole) {
      tile_output.out = static_cast<std::uint8_t*>(output) + index;
      tile(input, tile_output);
    } else if (bytes) {
      std::uint8_t* const buffer = reinterpret_cast<std::uint8_t*>(acc);
      tile_output.out = buffer;
      tile_output.step = kMaxChannels;
      tile(input, tile_output);
      std::uint8_t* out = static_cast<std::uint8_t*>(output) + index;
      for (std::int64_t p = 0; p < now; ++p, out += shape.out_c) {
        copy_bytes(buffer + p * kMaxChannels, run.channels, out);
      }
    } else if (problem.output_type == OutputType::kResidualSum) {
      tile(input, tile_output);
      Tiles::store_sums(problem, {acc, reinterpret_cast<const float*>(input.head) + lanes, run.vectors, now,
                                  run.channels, run.part.residual + index, static_cast<std::uint8_t*>(output) + index});
    } else {
      tile(input, tile_output);
      const float* const multiplier = reinterpret_cast<const float*>(input.head) + lanes;
      float* out = static_cast<float*>(output) + index;
      for (std::int64_t p = 0; p < now; ++p, out += shape.out_c) {
        store_floats(problem, acc + p * lanes, multiplier, run.vectors, Tiles::kLanes, run.channels, out);
      }
    }
    pixel += now;
    index += now * shape.out_c;
  }
}

// The functions of a ConvolutionKernel.
template <class Tiles>
struct Convolution {
  static PanelLayout layout_of(const ConvolutionProblem& problem) {
    return panel_layout(problem, Tiles::kLanes, Tiles::kMaxVectors);
  }

  // Offers are made once for a model, and small code is worth more there than fast code.
  [[gnu::cold]] static Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
    const Refusal refusal = refuse_panels(problem);
    return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
  }

  static int channel_step(const ConvolutionProblem& problem) {
    const PanelLayout layout = layout_of(problem);
    return static_cast<int>(problem.shape.groups == 1 ? layout.vectors * layout.lanes : layout.group_out);
  }

  static std::size_t packed_bytes(const ConvolutionProblem& problem) {
    const PanelLayout layout = layout_of(problem);
    return static_cast<std::size_t>(layout.offsets_bytes + problem.shape.groups * group_bytes(layout));
  }

  static void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
    const ConvolutionShape& shape = problem.shape;
    const PanelLayout layout = layout_of(problem);
    const BlockPlan plan = plan_blocks(shape);
    std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(packed);
    for (std::int64_t s = 0; s < layout.segments; ++s) {
      const std::int64_t kh = layout.whole_rows ? s : s / shape.kernel_w;
      const std::int64_t kw = layout.whole_rows ? 0 : s % shape.kernel_w;
      offsets[s] = kh * shape.dilation_h * plan.line_bytes + kw * shape.dilation_w * plan.pixel_bytes;
    }
    std::byte* panel = packed + layout.offsets_bytes;
    for (std::int64_t group = 0; group < shape.groups; ++group) {
      for (std::int64_t i = 0; i < layout.panels; ++i) {
        const std::int64_t vectors = panel_vectors(layout, i);
        const std::int64_t first = i * layout.vectors * layout.lanes;
        const std::int64_t count = base::clamped(layout.group_out - first, 1, vectors * layout.lanes);
        pack_panel(problem, layout, group * layout.group_out + first, count, vectors, panel);
        panel += panel_bytes(layout, vectors);
      }
    }
  }

  static std::size_t workspace_bytes(const ConvolutionProblem& problem) {
    const PanelLayout layout = layout_of(problem);
    const std::int64_t wide = layout.storage.bits < 8 ? weight_units(layout, layout.vectors) * kUnit : 0;
    return static_cast<std::size_t>(plan_blocks(problem.shape).workspace_bytes + wide);
  }

  static void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace) {
    const ConvolutionShape& shape = problem.shape;
    const PanelLayout layout = layout_of(problem);
    const BlockPlan plan = plan_blocks(shape);
    for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
      const std::int64_t rows = base::clamped(part.row_end - row, 1, plan.block_rows);
      TileInput tile{};
      tile.windows = load_block(problem, plan, input, row, rows, workspace);
      tile.offsets = reinterpret_cast<const std::int64_t*>(packed);
      tile.segments = layout.segments;
      tile.segment_bytes = layout.segment_steps * kStepElems;
      tile.storage = layout.storage;
      const std::byte* panel = packed + layout.offsets_bytes;
      for (std::int64_t group = 0; group < shape.groups; ++group) {
        tile.shift = group * layout.group_in;
        for (std::int64_t i = 0; i < layout.panels; ++i) {
          const std::int64_t vectors = panel_vectors(layout, i);
          const std::int64_t first = i * layout.vectors * layout.lanes;
          const std::int64_t channel = group * layout.group_out + first;
          tile.head = panel;
          tile.weights = panel + head_bytes(layout, vectors);
          panel += panel_bytes(layout, vectors);
          if (channel < part.channel_begin || channel >= part.channel_end) continue;
          const bool narrow = vectors == Tiles::kNarrowVectors && layout.storage.bits < 8 &&
                              rows * shape.out_w <= kPixelsForNarrowTiles;
          if (layout.storage.bits < 8 && !narrow) {
            std::byte* const wide = workspace + plan.workspace_bytes;
            widen_units(layout.storage, tile.weights, weight_units(layout, vectors), wide);
            tile.weights = wide;
          }
          const std::int64_t count = base::clamped(layout.group_out - first, 1, vectors * layout.lanes);
          // After the last panel, the first panel of the next block follows, if there is one.
          const bool is_last = group + 1 == shape.groups && i + 1 == layout.panels;
          const std::byte* const next = is_last ? packed + layout.offsets_bytes : panel;
          const PanelRun<Tiles> panel_run{problem, layout, part, vectors, count, row, rows * shape.out_w, next, narrow};
          run_panel(panel_run, tile, output, row * shape.out_w * shape.out_c + channel);
        }
      }
    }
  }

  [[gnu::cold]] static double estimate(const ConvolutionProblem& problem) {
    const costs::Dot& costs = problem.costs->*Tiles::kConvolutionCosts;
    const ConvolutionShape& shape = problem.shape;
    const PanelLayout layout = layout_of(problem);
    const BlockPlan plan = plan_blocks(shape);
    const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
    const double steps = static_cast<double>(layout.segments * layout.segment_steps);
    double cycles = 0;
    for (std::int64_t i = 0; i < layout.panels; ++i) {
      const double vectors = static_cast<double>(panel_vectors(layout, i));
      cycles += steps * (costs.step * vectors + costs.load) + costs.store * (vectors + 1);
    }
    cycles = shape.groups * pixels * cycles + pixels * costs.window;
    if (!plan.in_place) {
      cycles += static_cast<double>(shape.out_h * plan.line_step * plan.line_bytes) / 32 * costs.copy;
    }
    return cycles;
  }

  // The kernel of the functions above.
  static constexpr ConvolutionKernel kernel(const char* name, Isa isa, InstructionMix mix) {
    return {.name = name,
            .isa = isa,
            .mix = mix,
            .estimate = estimate,
            .offer = offer,
            .channel_step = channel_step,
            .packed_bytes = packed_bytes,
            .pack = pack,
            .workspace_bytes = workspace_bytes,
            .run = run};
  }
};

}  // namespace narrow::kernels::vnni
