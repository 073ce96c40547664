// depthwise_3x3_u8_avx512vnni: depthwise_u8_avx512vnni for windows of 3x3. Rows are interleaved in registers, column by
// column. Every column is multiplied at once by the weights of all outputs that read it. No line is stored and no input
// is loaded twice. The output stage of one output overlaps with the products of the next. Vectors of bytes have 64
// channels, or 32 channels of two output rows, or 16 of four.
#include <immintrin.h>

#include "kernels/avx2/shared/depthwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::DepthwiseBlock;
using avx2::DepthwiseRows;

constexpr int kPanels = 4;
using Panels = __m512i[kPanels];

// One row of the windows of all output rows.
template <int kRows, bool kWhole>
NARROW_INLINE __m512i load(const DepthwiseRows& in, int tap, std::int64_t offset, __mmask16 channels) {
  if constexpr (kRows == 1) {
    return _mm512_loadu_si512(in.rows[0][tap] + offset);
  } else if constexpr (kRows == 2) {
    const auto half = [&](int row) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in.rows[row][tap] + offset));
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(half(0)), half(1), 1);
  } else {
    const auto quarter = [&](int row) {
      const std::uint8_t* const from = in.rows[row][tap] + offset;
      return kWhole ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)) : _mm_maskz_loadu_epi8(channels, from);
    };
    const __m256i first = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(0)), quarter(1), 1);
    const __m256i second = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(2)), quarter(3), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
  }
}

// A column of three rows: doublewords of (first, second, third, any value). The fourth weight is 0.
NARROW_INLINE void interleave(__m512i x0, __m512i x1, __m512i x2, Panels& to) {
  const __m512i upper = _mm512_unpacklo_epi8(x0, x1);
  const __m512i lower = _mm512_unpacklo_epi8(x2, x2);
  const __m512i more_upper = _mm512_unpackhi_epi8(x0, x1);
  const __m512i more_lower = _mm512_unpackhi_epi8(x2, x2);
  to[0] = _mm512_unpacklo_epi16(upper, lower);
  to[1] = _mm512_unpackhi_epi16(upper, lower);
  to[2] = _mm512_unpacklo_epi16(more_upper, more_lower);
  to[3] = _mm512_unpackhi_epi16(more_upper, more_lower);
}

// The constants that outputs of a panel set share.
struct Stage {
  Panels weights[3];
  __m512i zero_point;  // int16
  __m512i lo, hi;      // uint8
  const std::byte* panel;
  std::int64_t panel_step;
  __mmask16 channels;
};

NARROW_INLINE void add(Panels& acc, const Panels& x, const Panels& w) {
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) acc[i] = _mm512_dpbusd_epi32(acc[i], x[i], w[i]);
}

NARROW_INLINE void begin(const Stage& stage, Panels& acc) {
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) acc[i] = _mm512_load_si512(stage.panel + i * stage.panel_step);
}

NARROW_INLINE __m512i finished(const Stage& stage, const Panels& acc) {
  Panels y;
#pragma GCC unroll 4
  for (int i = 0; i < kPanels; ++i) {
    const __m512 multiplier = _mm512_load_ps(stage.panel + i * stage.panel_step + avx2::kDepthwiseMultiplier);
    y[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i]), multiplier));
  }
  const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(y[0], y[1]), stage.zero_point);
  const __m512i second = _mm512_adds_epi16(_mm512_packs_epi32(y[2], y[3]), stage.zero_point);
  return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(first, second), stage.lo), stage.hi);
}

template <int kRows, bool kWhole>
NARROW_INLINE void store(const DepthwiseRows& in, std::int64_t offset, __mmask16 channels, __m512i bytes) {
  if constexpr (kRows == 1) {
    _mm512_storeu_si512(in.output[0] + offset, bytes);
  } else if constexpr (kRows == 2) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(in.output[0] + offset), _mm512_castsi512_si256(bytes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(in.output[1] + offset), _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    const auto quarter = [&](int row, __m128i part) {
      std::uint8_t* const to = in.output[row] + offset;
      if constexpr (kWhole) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), part);
      } else {
        _mm_mask_storeu_epi8(to, channels, part);
      }
    };
    quarter(0, _mm512_castsi512_si128(bytes));
    quarter(1, _mm512_extracti32x4_epi32(bytes, 1));
    quarter(2, _mm512_extracti32x4_epi32(bytes, 2));
    quarter(3, _mm512_extracti32x4_epi32(bytes, 3));
  }
}

template <int kRows, bool kWhole, int kStride>
[[gnu::noinline]] void run_row(const ConvolutionProblem& problem, const DepthwiseRows& in,
                               const DepthwiseBlock& block) {
  const ConvolutionShape& shape = problem.shape;
  Stage stage;
  stage.panel = block.packed;
  stage.panel_step = block.packed_step;
  stage.zero_point = _mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point));
  stage.lo = _mm512_set1_epi8(static_cast<char>(problem.output_range.lo));
  stage.hi = _mm512_set1_epi8(static_cast<char>(problem.output_range.hi));
  stage.channels = static_cast<__mmask16>(kWhole ? 0xFFFFU : 0xFFFFU >> (16 - block.channels));
  for (int i = 0; i < 3; ++i) {
    for (int panel = 0; panel < kPanels; ++panel) {
      stage.weights[i][panel] =
          _mm512_load_si512(block.packed + panel * block.packed_step + avx2::kDepthwiseHeadBytes + i * in.weight_step);
    }
  }
  const std::int64_t in_c = shape.in_c;
  const std::int64_t end = shape.in_w * in_c;
  std::int64_t x = -shape.pad.left * in_c;
  const auto next = [&](Panels & to) __attribute__((always_inline)) {
    if (static_cast<std::uint64_t>(x) < static_cast<std::uint64_t>(end)) {
      interleave(load<kRows, kWhole>(in, 0, x, stage.channels), load<kRows, kWhole>(in, 1, x, stage.channels),
                 load<kRows, kWhole>(in, 2, x, stage.channels), to);
    } else {
      const __m512i padding = _mm512_set1_epi8(static_cast<char>(*in.padding));
      interleave(padding, padding, padding, to);
    }
    x += in_c;
  };
  Panels pixel, acc, later;
  begin(stage, acc);
  next(pixel);
  add(acc, pixel, stage.weights[0]);
  if constexpr (kStride == 1) {
    next(pixel);
    add(acc, pixel, stage.weights[1]);
    begin(stage, later);
    add(later, pixel, stage.weights[0]);
  }
  const std::int64_t output_end = std::int64_t{shape.out_w} * shape.out_c;
  for (std::int64_t out = 0; out < output_end; out += shape.out_c) {
    if constexpr (kStride == 2) {
      next(pixel);
      add(acc, pixel, stage.weights[1]);
    }
    next(pixel);
    add(acc, pixel, stage.weights[2]);
    store<kRows, kWhole>(in, out, stage.channels, finished(stage, acc));
    if constexpr (kStride == 1) {
#pragma GCC unroll 4
      for (int i = 0; i < kPanels; ++i) acc[i] = later[i];
      add(acc, pixel, stage.weights[1]);
      begin(stage, later);
      add(later, pixel, stage.weights[0]);
    } else {
      begin(stage, acc);
      add(acc, pixel, stage.weights[0]);
    }
  }
}

template <int kStride>
void run_stride(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block) {
  if (block.channels == 64) {
    run_row<1, true, kStride>(problem, in, block);
  } else if (block.channels == 32) {
    run_row<2, true, kStride>(problem, in, block);
  } else if (block.channels == 16) {
    run_row<4, true, kStride>(problem, in, block);
  } else {
    run_row<4, false, kStride>(problem, in, block);
  }
}

void run(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block) {
  if (problem.shape.stride_w == 1) {
    run_stride<1>(problem, in, block);
  } else {
    run_stride<2>(problem, in, block);
  }
}

Refusal refusal_of(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  if (shape.kernel_h != 3 || shape.kernel_w != 3) return {.why = "its windows are not 3x3"};
  if (shape.stride_w > 2 || shape.dilation_w != 1) return {.why = "its stride is above 2, or it has dilation"};
  if (problem.output_type == OutputType::kFloat32) return {.why = "its output is not uint8"};
  return refuse_depthwise_u8(problem);
}

int same_place(int lane) { return lane; }

constexpr avx2::DepthwiseForm kForm{.line = {.rows = 4, .pixel_bytes = 64, .interleave = nullptr},
                                    .panels = 4,
                                    .lane_channels = 4,
                                    .tile_pixels = 1,
                                    .bias = avx2::DepthwiseBias::kInt32,
                                    .place = same_place,
                                    .weight_place = same_place,
                                    .costs = &costs::Table::depthwise_3x3_u8_avx512vnni,
                                    .run = nullptr,
                                    .run_rows = run};

}  // namespace

const ConvolutionKernel kDepthwise3x3 = avx2::depthwise_kernel<kForm, refusal_of>(
    "depthwise_3x3_u8_avx512vnni", Isa::kAvx512Vnni, InstructionMix::kWideDot);

}  // namespace narrow::kernels::avx512vnni
