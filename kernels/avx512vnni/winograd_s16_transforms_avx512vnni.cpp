#include "kernels/avx512vnni/winograd_s16_transforms_avx512vnni.h"

#include <immintrin.h>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::Acc;
using avx2::kWinogradInputs;
using avx2::kWinogradOutputs;
using avx2::OutputStage;

// Loops over these arrays are unrolled, so that they stay in registers.
#define NARROW_UNROLLED _Pragma("GCC unroll 8")

NARROW_INLINE __m512i twice(__m512i x) { return _mm512_add_epi16(x, x); }

// B d of 32 columns (or rows) at once.
NARROW_INLINE void transform_input(const __m512i (&d)[kWinogradInputs], __m512i (&out)[kWinogradInputs]) {
  const __m512i d42 = _mm512_sub_epi16(d[4], d[2]);
  const __m512i d31 = twice(_mm512_sub_epi16(d[3], d[1]));
  out[0] = _mm512_add_epi16(_mm512_slli_epi16(_mm512_sub_epi16(d[0], d[2]), 2), d42);
  out[1] = _mm512_sub_epi16(_mm512_slli_epi16(_mm512_add_epi16(d[1], d[2]), 2), _mm512_add_epi16(d[3], d[4]));
  out[2] = _mm512_sub_epi16(_mm512_slli_epi16(_mm512_sub_epi16(d[2], d[1]), 2), _mm512_sub_epi16(d[4], d[3]));
  out[3] = _mm512_add_epi16(d42, d31);
  out[4] = _mm512_sub_epi16(d42, d31);
  out[5] = _mm512_sub_epi16(_mm512_sub_epi16(d[5], d[3]), twice(d31));
}

// A m of 16 channels at once. maskz, because g++ 12 warns of the undefined operands of the intrinsics without a mask.
NARROW_INLINE void transform_products(const __m512i (&m)[kWinogradInputs], __m512i (&out)[kWinogradOutputs]) {
  const __m512i sum12 = _mm512_add_epi32(m[1], m[2]);
  const __m512i difference12 = _mm512_sub_epi32(m[1], m[2]);
  const __m512i sum34 = _mm512_add_epi32(m[3], m[4]);
  const __m512i difference34 = _mm512_sub_epi32(m[3], m[4]);
  out[0] = _mm512_add_epi32(_mm512_add_epi32(m[0], sum34), _mm512_maskz_slli_epi32(0xFFFF, sum12, 2));
  out[1] = _mm512_add_epi32(_mm512_add_epi32(difference12, difference12), difference34);
  out[2] = _mm512_add_epi32(sum12, sum34);
  out[3] = _mm512_add_epi32(_mm512_add_epi32(difference34, difference34), _mm512_add_epi32(difference12, m[5]));
}

// The accumulators of one row of a tile's outputs. kShift: k of the row.
struct Row {
  __m512i acc[kWinogradOutputs];
};
template <int kShift>
NARROW_INLINE Row finished_row(const __m512i (&m)[kWinogradInputs], __m512i bias) {
  const __m512i inverse = _mm512_set1_epi32(avx2::kInverseOf9);
  const auto finish = [&](__m512i scaled, unsigned shift) {
    return _mm512_add_epi32(_mm512_maskz_srai_epi32(0xFFFF, _mm512_mullo_epi32(scaled, inverse), shift), bias);
  };
  __m512i out[kWinogradOutputs];
  transform_products(m, out);
  return {
      {finish(out[0], kShift + 3), finish(out[1], kShift + 2), finish(out[2], kShift + 1), finish(out[3], kShift + 1)}};
}

// What the outputs of a layer share.
struct Stage {
  __m512 upper;        // hi - zero_point
  __m512i zero_point;  // int16
  __m512i lower;       // uint8
  __m512 multiplier;   // of the panel
  bool sums;           // residual sums
  __m512 sum_multiplier, residual_multiplier;
  __m512i residual_zero_point;  // int32
};

NARROW_INLINE Stage stage_of(const ConvolutionProblem& problem, const OutputStage& stage, const std::byte* head) {
  return {_mm512_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
          _mm512_broadcast_i64x4(stage.zero_point),
          _mm512_broadcast_i64x4(stage.lower),
          _mm512_load_ps(reinterpret_cast<const float*>(head + 64)),
          problem.output_type == OutputType::kResidualSum,
          _mm512_set1_ps(problem.residual.sum_multiplier),
          _mm512_set1_ps(problem.residual.multiplier),
          _mm512_set1_epi32(problem.residual.zero_point)};
}

// Rounds 16 channels of one pixel. It is exact for any int32 and any finite positive multiplier: products are limited
// to the integer hi - zero_point before they are rounded.
template <bool kSums>
NARROW_INLINE __m512i rounded(const Stage& stage, __m512i acc, const std::uint8_t* residual) {
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), stage.multiplier);
  if constexpr (kSums) {
    // In the order of Acc: channels 0-3, 8-11, 4-7, 12-15.
    const __m128i bytes = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(residual)), 0xD8);
    const __m512i other = _mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), stage.residual_zero_point);
    y = _mm512_add_ps(_mm512_mul_ps(y, stage.sum_multiplier),
                      _mm512_mul_ps(_mm512_cvtepi32_ps(other), stage.residual_multiplier));
  }
  return _mm512_cvtps_epi32(_mm512_min_ps(y, stage.upper));
}

// Stores 16 channels of the first `pixels` (1 to 4) outputs of a row.
template <bool kSums>
NARROW_INLINE void store_row(const Stage& stage, const Row& row, std::int64_t out_c, int pixels,
                             const std::uint8_t* residual, std::uint8_t* out) {
  // A pixel that is not stored has the residual of the first one.
  const auto at = [&](int pixel) { return pixel < pixels ? residual + pixel * out_c : residual; };
  const auto words = [&](int first) {
    const __m512i low = rounded<kSums>(stage, row.acc[first], kSums ? at(first) : nullptr);
    const __m512i high = rounded<kSums>(stage, row.acc[first + 1], kSums ? at(first + 1) : nullptr);
    return _mm512_adds_epi16(_mm512_packs_epi32(low, high), stage.zero_point);
  };
  // Each 128 bits hold 4 channels of each pixel. Bring those of a pixel together, and channels into order.
  const __m512i bytes = _mm512_max_epu8(_mm512_packus_epi16(words(0), words(2)), stage.lower);
  const __m512i order = _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15);
  const __m512i ordered = _mm512_permutexvar_epi32(order, bytes);
  const auto store = [&](int pixel, __m128i y) {
    if (pixel < pixels) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + pixel * out_c), y);
  };
  store(0, _mm512_castsi512_si128(ordered));
  store(1, _mm512_extracti32x4_epi32(ordered, 1));
  store(2, _mm512_extracti32x4_epi32(ordered, 2));
  store(3, _mm512_extracti32x4_epi32(ordered, 3));
}

}  // namespace

void transform_winograd_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines,
                                std::int64_t line_bytes) {
  constexpr std::int64_t kBytes = 32;
  if (count < kBytes) return avx2::kWinogradAvx2.transform_columns(rows, count, lines, line_bytes);
  for (std::int64_t k = 0; k < count; k += kBytes) {
    if (k + kBytes > count) k = count - kBytes;  // the last ones, which repeats some
    __m512i d[kWinogradInputs], out[kWinogradInputs];
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) {
      d[i] = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i] + k)));
    }
    transform_input(d, out);
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) _mm512_storeu_si512(lines + i * line_bytes + k * 2, out[i]);
  }
}

void transform_winograd_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t channels,
                            std::int64_t position_bytes, std::byte* u) {
  const std::int64_t bytes = channels * 2;
  if (bytes < 64) return avx2::kWinogradAvx2.transform_row(line, pixel_bytes, channels, position_bytes, u);
  for (std::int64_t at = 0; at < bytes; at += 64) {
    if (at + 64 > bytes) at = bytes - 64;  // the last ones, which repeats some
    __m512i d[kWinogradInputs], out[kWinogradInputs];
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) d[i] = _mm512_loadu_si512(line + i * pixel_bytes + at);
    transform_input(d, out);
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) _mm512_storeu_si512(u + i * position_bytes + at, out[i]);
  }
}

namespace {

constexpr int kTaps = 9;
constexpr std::int64_t kHalfBytes = kTaps * 16;

// G g for one column or row of weights.
NARROW_INLINE void transform_filter(__m512i g0, __m512i g1, __m512i g2, __m512i (&out)[kWinogradInputs]) {
  const __m512i six = _mm512_set1_epi16(6);
  const __m512i ends = _mm512_add_epi16(g0, g2);
  const __m512i even = _mm512_add_epi16(g0, _mm512_slli_epi16(g2, 2));
  const __m512i odd = twice(g1);
  out[0] = _mm512_mullo_epi16(g0, six);
  out[1] = _mm512_add_epi16(ends, g1);
  out[2] = _mm512_sub_epi16(ends, g1);
  out[3] = _mm512_add_epi16(even, odd);
  out[4] = _mm512_sub_epi16(even, odd);
  out[5] = _mm512_mullo_epi16(g2, six);
}

}  // namespace

void transform_winograd_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes,
                                std::byte* w) {
  for (std::int64_t step = 0; step < steps; ++step, weights += avx2::kWinogradStepBytes, w += sizeof(__m512i)) {
    NARROW_UNROLLED
    for (int line = 0; line < 5; ++line) prefetch_weights(weights + line * 64);
    __m512i g[kTaps];
#pragma GCC unroll 9
    for (int tap = 0; tap < kTaps; ++tap) {
      const auto half = [&](std::int64_t at) {
        return _mm_load_si128(reinterpret_cast<const __m128i*>(weights + at + tap * 16));
      };
      g[tap] = _mm512_cvtepi8_epi16(_mm256_set_m128i(half(kHalfBytes), half(0)));
    }
    __m512i columns[3][kWinogradInputs];
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) transform_filter(g[i], g[3 + i], g[6 + i], columns[i]);
    std::byte* to = w;
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) {
      __m512i row[kWinogradInputs];
      transform_filter(columns[0][i], columns[1][i], columns[2][i], row);
      NARROW_UNROLLED
      for (int j = 0; j < kWinogradInputs; ++j, to += position_bytes) _mm512_store_si512(to, row[j]);
    }
  }
}

void transform_winograd_output(const ConvolutionProblem& problem, const OutputStage& stage,
                               const avx2::WinogradTile& tile, const std::byte* m, std::int64_t position_bytes,
                               const std::byte* head, int channel, int channels, void* output) {
  __m512i columns[kWinogradOutputs][kWinogradInputs];
  NARROW_UNROLLED
  for (int j = 0; j < kWinogradInputs; ++j) {
    __m512i in[kWinogradInputs], out[kWinogradOutputs];
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradInputs; ++i) {
      in[i] = _mm512_load_si512(m + (i * kWinogradInputs + j) * position_bytes);
    }
    transform_products(in, out);
    NARROW_UNROLLED
    for (int i = 0; i < kWinogradOutputs; ++i) columns[i][j] = out[i];
  }
  const __m512i bias = _mm512_load_si512(head);
  const Row rows[kWinogradOutputs] = {finished_row<3>(columns[0], bias), finished_row<2>(columns[1], bias),
                                      finished_row<1>(columns[2], bias), finished_row<1>(columns[3], bias)};
  const std::int64_t index = tile.pixel * stage.out_c + channel;
  const std::int64_t row_step = problem.shape.out_w * stage.out_c;
  if (channels < 16 || problem.output_type == OutputType::kFloat32) {
    static_assert(sizeof(Acc) == sizeof(__m512i));
    const float* const multiplier = reinterpret_cast<const float*>(head + 64);
    for (int r = 0; r < tile.rows; ++r) {
      avx2::store_panel(problem, stage, reinterpret_cast<const Acc*>(rows[r].acc), tile.columns, multiplier, channels,
                        output, index + r * row_step);
    }
    return;
  }
  const Stage own = stage_of(problem, stage, head);
  std::uint8_t* const out = static_cast<std::uint8_t*>(output) + index;
  NARROW_UNROLLED
  for (int r = 0; r < kWinogradOutputs; ++r) {
    if (r >= tile.rows) break;
    if (own.sums) {
      store_row<true>(own, rows[r], stage.out_c, tile.columns, stage.residual + index + r * row_step,
                      out + r * row_step);
    } else {
      store_row<false>(own, rows[r], stage.out_c, tile.columns, nullptr, out + r * row_step);
    }
  }
}

#undef NARROW_UNROLLED

}  // namespace narrow::kernels::avx512vnni
