// depthwise_u8_avx512vnni: vpdpbusd adds four taps of a window's column for 16 channels at once, exact for any 8 x 8
// bits. Four rows of the picture are interleaved, so that a 3x3 window needs three instructions, and the window below
// it the same three registers. -zero_point * sum(w) is in the bias.
#include <immintrin.h>

#include "kernels/avx2/depthwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::DepthwiseOutput;
using avx2::TileLines;

constexpr int kPixels = 7;  // of a tile's row
constexpr std::int64_t kPixelBytes = 64;

#define NARROW_INLINE [[gnu::always_inline]] static inline

// kPanels: 1, 2 or 4.
template <int kPanels, bool kWhole>
void interleave_panels(const avx2::LineRows& rows, std::int64_t pixels, __mmask64 channels, std::uint8_t* to,
                       std::int64_t panel_step) {
  // The unpacks below take doubleword j of each quarter to register j, and a panel is to have 16 neighbours.
  const __m512i quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1], *r2 = rows.row[2], *r3 = rows.row[3];
  const auto load = [&](const std::uint8_t* from) {
    return _mm512_permutexvar_epi32(quarters,
                                    kWhole ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(channels, from));
  };
  for (; pixels > 0; --pixels, to += kPixelBytes) {
    const __m512i x0 = load(r0), x1 = load(r1), x2 = load(r2), x3 = load(r3);
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

void interleave(const avx2::LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                std::int64_t panel_step) {
  const __mmask64 mask = ~std::uint64_t{0} >> (64 - channels);
  if (channels == 64) {
    interleave_panels<4, true>(rows, pixels, mask, to, panel_step);
  } else if (channels > 32) {
    interleave_panels<4, false>(rows, pixels, mask, to, panel_step);
  } else if (channels > 16) {
    interleave_panels<2, false>(rows, pixels, mask, to, panel_step);
  } else {
    interleave_panels<1, false>(rows, pixels, mask, to, panel_step);
  }
}

// What all outputs of a panel share.
struct Stage {
  __m512 multiplier;
  __m512 upper;        // hi - zero_point
  __m512i zero_point;  // int16
  __m512i lower;       // uint8
};

NARROW_INLINE void add(__m512i& acc, __m512i x, __m512i w) {
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
}

// acc[row][pixel] of the tile whose windows are `shift` bytes from the lines' start.
template <int kRows>
NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel,
                        __m512i (&acc)[kRows * kPixels]) {
#pragma GCC unroll 14
  for (__m512i& a : acc) a = _mm512_load_si512(panel);
  const std::byte* weights = panel + avx2::kDepthwiseHeadBytes;
  const std::int64_t step = in.pixel_step;
  for (std::int64_t group = 0; group < in.groups; ++group) {
    const std::uint8_t* x = in.lines[group] + shift;
    for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
      const __m512i w0 = _mm512_load_si512(weights);
      const __m512i w1 = _mm512_load_si512(weights + (kRows - 1) * kPixelBytes);
      const std::uint8_t* const third = x + 3 * step;
      const std::uint8_t* const at[kPixels] = {
          x, x + step, x + 2 * step, third, third + step, third + 2 * step, third + 3 * step};
#pragma GCC unroll 7
      for (int i = 0; i < kPixels; ++i) {
        const __m512i pixel = _mm512_load_si512(at[i]);
        add(acc[i], pixel, w0);
        if constexpr (kRows == 2) add(acc[kPixels + i], pixel, w1);
      }
    }
  }
}

// As requantized() of AVX2: exact for any int32 and any finite positive multiplier.
NARROW_INLINE __m512i rounded(const Stage& stage, __m512i acc) {
  return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), stage.multiplier), stage.upper));
}

// Four pixels, each in a quarter.
NARROW_INLINE __m512i bytes(const Stage& stage, __m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i first = _mm512_packs_epi32(rounded(stage, a), rounded(stage, b));
  const __m512i second = _mm512_packs_epi32(rounded(stage, c), rounded(stage, d));
  const __m512i mixed = _mm512_max_epu8(
      _mm512_packus_epi16(_mm512_adds_epi16(first, stage.zero_point), _mm512_adds_epi16(second, stage.zero_point)),
      stage.lower);
  const __m512i pixels = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(pixels, mixed);
}

template <int kRows>
void run_whole_row(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
                   std::uint8_t* output) {
  const Stage stage{_mm512_load_ps(panel + 64),
                    _mm512_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
                    _mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
                    _mm512_set1_epi8(static_cast<char>(problem.output_range.lo))};
  const int out_w = problem.shape.out_w;
  const std::ptrdiff_t out_c = problem.shape.out_c;
  const std::ptrdiff_t row_bytes = out_w * out_c;
  for (int x = 0; x < out_w; x += kPixels) {
    // The last tile begins earlier, and computes some outputs again.
    if (x + kPixels > out_w) x = out_w - kPixels;
    __m512i a[kRows * kPixels];
    tile<kRows>(in, in.shift + x * in.pixel_step, panel, a);
    const auto to = [&](int i) {
      return reinterpret_cast<__m128i*>(output + (x + i % kPixels) * out_c + i / kPixels * row_bytes);
    };
#pragma GCC unroll 4
    for (int i = 0; i < kRows * kPixels; i += 4) {
      const int last = kRows * kPixels - 1;
      const __m512i four = bytes(stage, a[i], a[i + 1 < last ? i + 1 : last], a[i + 2 < last ? i + 2 : last],
                                 a[i + 3 < last ? i + 3 : last]);
      _mm_storeu_si128(to(i), _mm512_castsi512_si128(four));
      if (i + 1 <= last) _mm_storeu_si128(to(i + 1), _mm512_extracti32x4_epi32(four, 1));
      if (i + 2 <= last) _mm_storeu_si128(to(i + 2), _mm512_extracti32x4_epi32(four, 2));
      if (i + 3 <= last) _mm_storeu_si128(to(i + 3), _mm512_extracti32x4_epi32(four, 3));
    }
  }
}

// Any row and output.
template <int kRows>
void run_row(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
             const DepthwiseOutput& out) {
  const Stage stage{_mm512_load_ps(panel + 64),
                    _mm512_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
                    _mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
                    _mm512_set1_epi8(static_cast<char>(problem.output_range.lo))};
  const auto mask = static_cast<__mmask16>(0xFFFFU >> (16 - out.channels));
  const int out_w = problem.shape.out_w;
  const std::int64_t out_c = problem.shape.out_c;
  for (int x = 0; x < out_w; x += kPixels) {
    __m512i a[kRows * kPixels];
    tile<kRows>(in, in.shift + x * in.pixel_step, panel, a);
    alignas(64) std::int32_t acc[kRows * kPixels][16];
#pragma GCC unroll 14
    for (int i = 0; i < kRows * kPixels; ++i) _mm512_store_si512(acc[i], a[i]);
    for (int i = 0; i < kRows * kPixels; ++i) {
      if (x + i % kPixels >= out_w) continue;
      const __m512i one = _mm512_load_si512(acc[i]);
      const std::int64_t at = out.index + (i / kPixels * out_w + x + i % kPixels) * out_c;
      if (problem.output_type == OutputType::kFloat32) {
        // The operands' order makes equal values behave like std::min and std::max.
        const __m512 y = _mm512_max_ps(_mm512_set1_ps(problem.output_clamp.lo),
                                       _mm512_mul_ps(_mm512_cvtepi32_ps(one), stage.multiplier));
        _mm512_mask_storeu_ps(static_cast<float*>(out.output) + at, mask,
                              _mm512_min_ps(_mm512_set1_ps(problem.output_clamp.hi), y));
      } else {
        _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(out.output) + at, mask,
                             _mm512_castsi512_si128(bytes(stage, one, one, one, one)));
      }
    }
  }
}

template <int kRows>
void run_rows(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
              const DepthwiseOutput& out) {
  if (problem.shape.out_w >= kPixels && out.channels == 16 && problem.output_type == OutputType::kUint8) {
    run_whole_row<kRows>(problem, in, panel, static_cast<std::uint8_t*>(out.output) + out.index);
  } else {
    run_row<kRows>(problem, in, panel, out);
  }
}

void run(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel, const DepthwiseOutput& out) {
  if (out.rows == 2) {
    run_rows<2>(problem, in, panel, out);
  } else {
    run_rows<1>(problem, in, panel, out);
  }
}

int same_place(int channel) { return channel; }

constexpr avx2::DepthwiseForm kForm{
    .line = {.rows = 4, .pixel_bytes = kPixelBytes, .panels = 4, .interleave = interleave},
    .tile_pixels = kPixels,
    .place = same_place,
    .weight_place = same_place,
    .cycles = {.tap = 1, .pixel = 3, .line = 3},
    .run = run};

}  // namespace

const ConvolutionKernel kDepthwiseU8 =
    avx2::depthwise_kernel<kForm>("depthwise_u8_avx512vnni", Isa::kAvx512Vnni, avx2::accepts_depthwise);

}  // namespace narrow::kernels::avx512vnni
