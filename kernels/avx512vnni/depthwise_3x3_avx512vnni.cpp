// depthwise_3x3_u8_avx512vnni: as depthwise_u8_avx512vnni for windows of 3x3, but rows are interleaved in registers,
// column by column, and every column is multiplied at once with the weights of all the outputs that it belongs to: no
// line is stored, nothing is loaded twice, and the write-out of an output runs beside the products of the next.
#include <immintrin.h>

#include "kernels/avx2/depthwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/depthwise_interleave_avx512vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::DepthwiseBlock;
using avx2::DepthwiseRows;

#define NARROW_INLINE [[gnu::always_inline]] static inline

template <int kPanels>
using Panels = __m512i[kPanels];

// A column of three rows: doublewords of (first, second, third, anything). The fourth weight is 0.
template <int kPanels>
NARROW_INLINE void column(const DepthwiseRows& in, bool inside, std::int64_t x, __mmask16 channels,
                          Panels<kPanels>& to) {
  const auto row = [&](int i) { return inside ? in.rows.row[i] + x * in.rows.step[i] : in.padding; };
  const __m512i x0 = load_channels<kPanels>(row(0), channels);
  const __m512i x1 = load_channels<kPanels>(row(1), channels);
  const __m512i x2 = load_channels<kPanels>(row(2), channels);
  const __m512i upper = _mm512_unpacklo_epi8(x0, x1);
  const __m512i lower = _mm512_unpacklo_epi8(x2, x2);
  to[0] = _mm512_unpacklo_epi16(upper, lower);
  if constexpr (kPanels > 1) to[1] = _mm512_unpackhi_epi16(upper, lower);
  if constexpr (kPanels > 2) {
    const __m512i more_upper = _mm512_unpackhi_epi8(x0, x1);
    const __m512i more_lower = _mm512_unpackhi_epi8(x2, x2);
    to[2] = _mm512_unpacklo_epi16(more_upper, more_lower);
    to[3] = _mm512_unpackhi_epi16(more_upper, more_lower);
  }
}

// What outputs of a block share.
template <int kPanels>
struct Stage {
  __m512i weights[3][kPanels];
  __m512i zero_point;
  __m512i lo, hi;
  const std::byte* panel;
  std::int64_t panel_step;
  __mmask16 channels;
};

template <int kPanels>
NARROW_INLINE void add(Panels<kPanels>& acc, const Panels<kPanels>& x, const Panels<kPanels>& w) {
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) acc[i] = _mm512_dpbusd_epi32(acc[i], x[i], w[i]);
}

template <int kPanels>
NARROW_INLINE void begin(const Stage<kPanels>& stage, Panels<kPanels>& acc) {
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) acc[i] = _mm512_load_si512(stage.panel + i * stage.panel_step);
}

template <int kPanels>
NARROW_INLINE void finish(const Stage<kPanels>& stage, const Panels<kPanels>& acc, std::uint8_t* out) {
  __m512i y[kPanels];
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) {
    const __m512 multiplier = _mm512_load_ps(stage.panel + i * stage.panel_step + avx2::kDepthwiseMultiplier);
    y[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i]), multiplier));
  }
  const auto words = [&](int i, int j) { return _mm512_adds_epi16(_mm512_packs_epi32(y[i], y[j]), stage.zero_point); };
  const auto bytes = [&](__m512i first, __m512i second) {
    return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(first, second), stage.lo), stage.hi);
  };
  if constexpr (kPanels == 4) {
    _mm512_storeu_si512(out, bytes(words(0, 1), words(2, 3)));
  } else if constexpr (kPanels == 2) {
    const __m512i first = words(0, 1);
    const __m512i ordered =
        _mm512_maskz_permutexvar_epi64(0xFF, _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes(first, first));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(ordered));
  } else {
    const __m512i first = words(0, 0);
    const __m512i ordered = _mm512_maskz_permutexvar_epi32(
        0xFFFF, _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes(first, first));
    _mm_mask_storeu_epi8(out, stage.channels, _mm512_castsi512_si128(ordered));
  }
}

template <int kPanels, int kStride>
[[gnu::noinline]] void run_row(const ConvolutionProblem& problem, const DepthwiseRows& in,
                               const DepthwiseBlock& block) {
  const ConvolutionShape& shape = problem.shape;
  Stage<kPanels> stage;
  stage.panel = block.packed;
  stage.panel_step = block.packed_step;
  stage.zero_point = _mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point));
  stage.lo = _mm512_set1_epi8(static_cast<char>(problem.output_range.lo));
  stage.hi = _mm512_set1_epi8(static_cast<char>(problem.output_range.hi));
  stage.channels = static_cast<__mmask16>(kPanels > 1 ? 0xFFFFU : 0xFFFFU >> (16 - block.channels));
  for (int i = 0; i < 3; ++i) {
    for (int panel = 0; panel < kPanels; ++panel) {
      stage.weights[i][panel] =
          _mm512_load_si512(block.packed + panel * block.packed_step + avx2::kDepthwiseHeadBytes + i * in.weight_step);
    }
  }
  std::uint8_t* out = static_cast<std::uint8_t*>(block.output) + block.index;
  std::int64_t x = -std::int64_t{shape.pad.left};
  const auto next = [&](Panels<kPanels> & to) __attribute__((always_inline)) {
    const bool inside = static_cast<std::uint64_t>(x) < static_cast<std::uint64_t>(shape.in_w);
    column<kPanels>(in, inside, x, stage.channels, to);
    ++x;
  };
  __m512i pixel[kPanels], acc[kPanels], later[kPanels];
  begin<kPanels>(stage, acc);
  next(pixel);
  add<kPanels>(acc, pixel, stage.weights[0]);
  if constexpr (kStride == 1) {
    next(pixel);
    add<kPanels>(acc, pixel, stage.weights[1]);
    begin<kPanels>(stage, later);
    add<kPanels>(later, pixel, stage.weights[0]);
  }
  for (int left = block.columns; left > 0; --left, out += shape.out_c) {
    if constexpr (kStride == 1) {
      next(pixel);
      add<kPanels>(acc, pixel, stage.weights[2]);
      finish<kPanels>(stage, acc, out);
#pragma GCC unroll 4
      for (int i = 0; i < kPanels; ++i) acc[i] = later[i];
      add<kPanels>(acc, pixel, stage.weights[1]);
      begin<kPanels>(stage, later);
      add<kPanels>(later, pixel, stage.weights[0]);
    } else {
      next(pixel);
      add<kPanels>(acc, pixel, stage.weights[1]);
      next(pixel);
      add<kPanels>(acc, pixel, stage.weights[2]);
      finish<kPanels>(stage, acc, out);
      begin<kPanels>(stage, acc);
      add<kPanels>(acc, pixel, stage.weights[0]);
    }
  }
}

template <int kStride>
void run_stride(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block) {
  if (block.channels == 64) {
    run_row<4, kStride>(problem, in, block);
  } else if (block.channels == 32) {
    run_row<2, kStride>(problem, in, block);
  } else {
    run_row<1, kStride>(problem, in, block);
  }
}

void run(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block) {
  if (problem.shape.stride_w == 1) {
    run_stride<1>(problem, in, block);
  } else {
    run_stride<2>(problem, in, block);
  }
}

bool accepts(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  return shape.kernel_h == 3 && shape.kernel_w == 3 && shape.stride_w <= 2 && shape.dilation_w == 1 &&
         problem.output_type == OutputType::kUint8 && accepts_depthwise_u8(problem);
}

int same_place(int lane) { return lane; }

constexpr avx2::DepthwiseForm kForm{.line = {.rows = 4, .pixel_bytes = 64, .interleave = nullptr},
                                    .panels = 4,
                                    .lane_channels = 4,
                                    .tile_pixels = 1,
                                    .bias_bytes = 4,
                                    .place = same_place,
                                    .weight_place = same_place,
                                    .cycles = {.tap = 0.6, .pixel = 2, .line = 2.5},
                                    .run = nullptr,
                                    .run_rows = run};

}  // namespace

const ConvolutionKernel kDepthwise3x3 =
    avx2::depthwise_kernel<kForm>("depthwise_3x3_u8_avx512vnni", Isa::kAvx512Vnni, accepts);

}  // namespace narrow::kernels::avx512vnni
