// depthwise_u8_avx512vnni: vpdpbusd adds four taps of a window's column for 16 channels at once. It is exact for any 8
// x 8 bits. Four rows of the image are interleaved. Therefore a 3x3 window takes three instructions, and the window
// below it uses the same three registers. The bias includes -zero_point * sum(w).
#include <immintrin.h>

#include <cstdint>

#include "kernels/avx2/shared/depthwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::DepthwiseBlock;
using avx2::kDepthwiseHeadBytes;
using avx2::TileLines;

constexpr std::int64_t kPixelBytes = 64;  // of a line: 16 channels of four rows

// The channels of a pixel of 1, 2 or 4 panels, a quarter of them in each lane. `channels` is the mask of the channels
// of a single panel.
template <int kPanels>
NARROW_INLINE __m512i load_channels(const std::uint8_t* from, __mmask16 channels) {
  // maskz, because g++ 12 warns of the undefined operands of the intrinsics without a mask.
  if constexpr (kPanels == 4) {
    return _mm512_loadu_si512(from);
  } else if constexpr (kPanels == 2) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_maskz_permutexvar_epi64(0xFF, _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3),
                                          _mm512_castsi256_si512(bytes));
  } else {
    const __m128i bytes = _mm_maskz_loadu_epi8(channels, from);
    return _mm512_maskz_permutexvar_epi32(0xFFFF, _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                                          _mm512_castsi128_si512(bytes));
  }
}

// kPanels: 1, 2 or 4. channels: of a single panel.
template <int kPanels>
void interleave_panels(const avx2::LineRows& rows, std::int64_t pixels, __mmask16 channels, std::uint8_t* to,
                       std::int64_t panel_step) {
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1], *r2 = rows.row[2], *r3 = rows.row[3];
  for (; pixels > 0; --pixels, to += kPixelBytes) {
    const __m512i x0 = load_channels<kPanels>(r0, channels);
    const __m512i x1 = load_channels<kPanels>(r1, channels);
    const __m512i x2 = load_channels<kPanels>(r2, channels);
    const __m512i x3 = load_channels<kPanels>(r3, channels);
    r0 += rows.step[0];
    r1 += rows.step[1];
    r2 += rows.step[2];
    r3 += rows.step[3];
    const __m512i upper = _mm512_unpacklo_epi8(x0, x1);
    const __m512i lower = _mm512_unpacklo_epi8(x2, x3);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(upper, lower));
    if constexpr (kPanels > 1) _mm512_store_si512(to + panel_step, _mm512_unpackhi_epi16(upper, lower));
    if constexpr (kPanels > 2) {
      const __m512i more_upper = _mm512_unpackhi_epi8(x0, x1);
      const __m512i more_lower = _mm512_unpackhi_epi8(x2, x3);
      _mm512_store_si512(to + 2 * panel_step, _mm512_unpacklo_epi16(more_upper, more_lower));
      _mm512_store_si512(to + 3 * panel_step, _mm512_unpackhi_epi16(more_upper, more_lower));
    }
  }
}

// See avx2::Interleave.
void interleave_four(const avx2::LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                     std::int64_t panel_step) {
  if (channels == 64) {
    interleave_panels<4>(rows, pixels, 0, to, panel_step);
  } else if (channels == 32) {
    interleave_panels<2>(rows, pixels, 0, to, panel_step);
  } else {
    interleave_panels<1>(rows, pixels, static_cast<__mmask16>(0xFFFFU >> (16 - channels)), to, panel_step);
  }
}

constexpr int kPixels = 7;  // of a tile

// The constants that all outputs of a layer share.
struct Stage {
  __m512i zero_point;  // int16
  __m512i lo, hi;      // uint8
};

Stage stage_of(const ConvolutionProblem& problem) {
  return {_mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
          _mm512_set1_epi8(static_cast<char>(problem.output_range.lo)),
          _mm512_set1_epi8(static_cast<char>(problem.output_range.hi))};
}

using Tile = __m512i[kPixels];

NARROW_INLINE void add(__m512i& acc, const std::uint8_t* x, __m512i w) {
  const __m512i pixel = _mm512_load_si512(x);
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(pixel), "v"(w));
}

// Sums of pixels whose windows start `shift` bytes after the start of the lines. The weights are those of the panel and
// output row.
NARROW_INLINE void multiply(const TileLines& in, std::int64_t shift, const std::byte* panel, const std::byte* weights,
                            Tile& acc) {
#pragma GCC unroll 7
  for (__m512i& a : acc) a = _mm512_load_si512(panel);
  const std::int64_t step = in.pixel_step;
  for (std::int64_t group = 0; group < in.groups; ++group) {
    const std::uint8_t* x = in.lines[group] + shift;
    for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
      const __m512i w = _mm512_load_si512(weights);
      const std::uint8_t* const third = x + 2 * step + step;
      add(acc[0], x, w);
      add(acc[1], x + step, w);
      add(acc[2], x + 2 * step, w);
      add(acc[3], third, w);
      add(acc[4], third + step, w);
      add(acc[5], third + 2 * step, w);
      add(acc[6], third + 2 * step + step, w);
    }
  }
}

NARROW_INLINE __m512 scaled(__m512i acc, const std::byte* panel) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_load_ps(panel + avx2::kDepthwiseMultiplier));
}

// Outputs of two vectors of sums as words, before they are limited to bytes. Neighbours lie in the same lane.
// refuse_depthwise_u8 proves that products are within int32.
NARROW_INLINE __m512i words(const Stage& stage, __m512 first, __m512 second) {
  return _mm512_adds_epi16(_mm512_packs_epi32(_mm512_cvtps_epi32(first), _mm512_cvtps_epi32(second)), stage.zero_point);
}

NARROW_INLINE __m512i bytes(const Stage& stage, __m512i first, __m512i second) {
  return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(first, second), stage.lo), stage.hi);
}

NARROW_INLINE void store_64(const Stage& stage, const Tile& first, const Tile& second, std::uint8_t* out,
                            std::ptrdiff_t step) {
#pragma GCC unroll 7
  for (int i = 0; i < kPixels; ++i) _mm512_storeu_si512(out + i * step, bytes(stage, first[i], second[i]));
}

NARROW_INLINE void store_32(const Stage& stage, const Tile& words, std::uint8_t* out, std::ptrdiff_t step) {
  const __m512i pixels = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
#pragma GCC unroll 4
  for (int i = 0; i < kPixels; i += 2) {
    const int next = i + 1 < kPixels ? i + 1 : i;
    const __m512i two = _mm512_permutexvar_epi64(pixels, bytes(stage, words[i], words[next]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * step), _mm512_castsi512_si256(two));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + next * step), _mm512_extracti64x4_epi64(two, 1));
  }
}

// Four pixels, each in a quarter of the vector.
NARROW_INLINE __m512i quarters(const Stage& stage, __m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512i pixels = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(pixels, bytes(stage, words(stage, a, b), words(stage, c, d)));
}

NARROW_INLINE void store_16(const Stage& stage, const Tile& acc, const std::byte* panel, std::uint8_t* out,
                            std::ptrdiff_t step) {
#pragma GCC unroll 2
  for (const int i : {0, 3}) {  // the fourth pixel twice
    const __m512i four = quarters(stage, scaled(acc[i], panel), scaled(acc[i + 1], panel), scaled(acc[i + 2], panel),
                                  scaled(acc[i + 3], panel));
    std::uint8_t* const to = out + i * step;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(four));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + step), _mm512_extracti32x4_epi32(four, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * step), _mm512_extracti32x4_epi32(four, 2));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 3 * step), _mm512_extracti32x4_epi32(four, 3));
  }
}

// uint8 outputs of whole panels. A row has at least the pixels of a tile.
template <int kPanels>
[[gnu::noinline]] void run_whole(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block) {
  const Stage stage = stage_of(problem);
  const std::ptrdiff_t out_c = problem.shape.out_c;
  std::uint8_t* row = static_cast<std::uint8_t*>(block.output) + block.index;
  std::int64_t weights = kDepthwiseHeadBytes;
  for (int left = block.rows; left > 0; --left, row += problem.shape.out_w * out_c, weights += kPixelBytes) {
    for (int x = 0; x < block.columns; x += kPixels) {
      // The last tile begins earlier and computes some outputs again.
      if (x + kPixels > block.columns) x = block.columns - kPixels;
      std::uint8_t* const out = row + x * out_c;
      const std::int64_t shift = x * in.pixel_step;
      const auto pair = [&](int first, Tile& to) __attribute__((always_inline)) {
        const std::byte* const panel = block.packed + first * block.packed_step;
        const std::byte* const next = panel + block.packed_step;
        Tile a, b;
        multiply(in, shift + first * in.panel_step, panel, panel + weights, a);
#pragma GCC unroll 7
        for (__m512i& acc : a) acc = _mm512_castps_si512(scaled(acc, panel));
        multiply(in, shift + (first + 1) * in.panel_step, next, next + weights, b);
#pragma GCC unroll 7
        for (int i = 0; i < kPixels; ++i) to[i] = words(stage, _mm512_castsi512_ps(a[i]), scaled(b[i], next));
      };
      Tile first;
      if constexpr (kPanels == 1) {
        multiply(in, shift, block.packed, block.packed + weights, first);
        store_16(stage, first, block.packed, out, out_c);
      } else {
        pair(0, first);
        if constexpr (kPanels == 2) {
          store_32(stage, first, out, out_c);
        } else {
          Tile second;
          pair(2, second);
          store_64(stage, first, second, out, out_c);
        }
      }
    }
  }
}

// One panel, any outputs.
[[gnu::noinline]] void run_any(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block) {
  const Stage stage = stage_of(problem);
  const auto mask = static_cast<__mmask16>(0xFFFFU >> (16 - block.channels));
  for (int row = 0; row < block.rows; ++row) {
    for (int x = 0; x < block.columns; x += kPixels) {
      Tile tile;
      multiply(in, x * in.pixel_step, block.packed, block.packed + kDepthwiseHeadBytes + row * kPixelBytes, tile);
      const int pixels = block.columns - x < kPixels ? block.columns - x : kPixels;
      for (int i = 0; i < pixels; ++i) {
        const __m512 value = scaled(tile[i], block.packed);
        const std::int64_t at = block.index + (std::int64_t{row} * problem.shape.out_w + x + i) * problem.shape.out_c;
        if (problem.output_type == OutputType::kFloat32) {
          // With this order of operands, equal values behave as in std::min and std::max.
          const __m512 y = _mm512_max_ps(_mm512_set1_ps(problem.output_clamp.lo), value);
          _mm512_mask_storeu_ps(static_cast<float*>(block.output) + at, mask,
                                _mm512_min_ps(_mm512_set1_ps(problem.output_clamp.hi), y));
        } else {
          _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(block.output) + at, mask,
                               _mm512_castsi512_si128(quarters(stage, value, value, value, value)));
        }
      }
    }
  }
}

void run(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block) {
  if (block.channels == 64) {
    run_whole<4>(problem, in, block);
  } else if (block.channels == 32) {
    run_whole<2>(problem, in, block);
  } else if (block.channels == 16 && problem.output_type == OutputType::kUint8 && block.columns >= kPixels) {
    run_whole<1>(problem, in, block);
  } else {
    run_any(problem, in, block);
  }
}

int same_place(int lane) { return lane; }

constexpr avx2::DepthwiseForm kForm{.line = {.rows = 4, .pixel_bytes = kPixelBytes, .interleave = interleave_four},
                                    .panels = 4,
                                    .lane_channels = 4,
                                    .tile_pixels = kPixels,
                                    .bias = avx2::DepthwiseBias::kInt32,
                                    .place = same_place,
                                    .weight_place = same_place,
                                    .costs = &costs::Table::depthwise_u8_avx512vnni,
                                    .run = run,
                                    .run_rows = nullptr};

// A function of this file: g++ 14 makes weak symbols of a template's functions where one of the arguments is none.
Refusal refuse(const ConvolutionProblem& problem) { return refuse_depthwise_u8(problem); }

}  // namespace

// Products of sums and multipliers are within int32, so they need no limit before they are rounded.
Refusal refuse_depthwise_u8(const ConvolutionProblem& problem) {
  if (const Refusal refusal = avx2::refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  if (problem.output_type == OutputType::kFloat32) return {};
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const double bound = 2e9 / problem.multiplier[c];
    const std::int64_t sum = bound < INT32_MAX ? static_cast<std::int64_t>(bound) : INT32_MAX;
    if (!avx2::depthwise_sums_within(problem, c, -sum, sum)) {
      return {.why = "its sums times the multiplier may exceed int32", .channel = c};
    }
  }
  return {};
}

const ConvolutionKernel kDepthwiseU8 =
    avx2::depthwise_kernel<kForm, refuse>("depthwise_u8_avx512vnni", Isa::kAvx512Vnni, InstructionMix::kWideDot);

}  // namespace narrow::kernels::avx512vnni
