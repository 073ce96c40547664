#include "kernels/avx2/winograd/winograd_s16_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

NARROW_INLINE __m256i load_bytes(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

constexpr std::int32_t kInverseOf9 = 0x38E38E39;  // modulo 2^32

// A m for 8 channels at once. See winograd_s16_4x4_avx2.h, and winograd_s16_3x3_avx2.cpp for 3 outputs.
template <int kOutputs>
NARROW_INLINE void transform(const __m256i* m, __m256i* out) {
  const __m256i sum12 = _mm256_add_epi32(m[1], m[2]);
  const __m256i difference12 = _mm256_sub_epi32(m[1], m[2]);
  const __m256i sum34 = _mm256_add_epi32(m[3], m[4]);
  const __m256i difference34 = _mm256_sub_epi32(m[3], m[4]);
  out[0] = _mm256_add_epi32(_mm256_add_epi32(m[0], sum34), _mm256_slli_epi32(sum12, 2));
  out[1] = _mm256_add_epi32(_mm256_add_epi32(difference12, difference12), difference34);
  out[2] = _mm256_add_epi32(sum12, sum34);
  if constexpr (kOutputs == 3) {
    out[2] = _mm256_add_epi32(out[2], m[5]);
  } else {
    out[3] = _mm256_add_epi32(_mm256_add_epi32(difference34, difference34), _mm256_add_epi32(difference12, m[5]));
  }
}

template <int kShift>
NARROW_INLINE __m256i accumulator(__m256i scaled, __m256i inverse, __m256i bias) {
  return _mm256_add_epi32(_mm256_srai_epi32(_mm256_mullo_epi32(scaled, inverse), kShift), bias);
}

// kShift: k of the row.
template <int kOutputs, int kShift>
NARROW_INLINE void finish_row(const __m256i* m, __m256i inverse, __m256i bias, std::byte* acc) {
  __m256i out[kOutputs];
  transform<kOutputs>(m, out);
  __m256i* const to = reinterpret_cast<__m256i*>(acc);
  _mm256_store_si256(to, accumulator<kShift + 3>(out[0], inverse, bias));
  _mm256_store_si256(to + 2, accumulator<kShift + 2>(out[1], inverse, bias));
  _mm256_store_si256(to + 4, accumulator<kShift + 1>(out[2], inverse, bias));
  if constexpr (kOutputs > 3) _mm256_store_si256(to + 6, accumulator<kShift + 1>(out[3], inverse, bias));
}

// One half of each Acc of the tile.
template <int kOutputs>
[[gnu::noinline]] void finish_half(const std::byte* m, std::int64_t position_bytes, __m256i bias, std::byte* acc) {
  __m256i columns[kOutputs * kWinogradInputs];
  for (int j = 0; j < kWinogradInputs; ++j, m += position_bytes) {
    __m256i in[kWinogradInputs], out[kOutputs];
    for (int i = 0; i < kWinogradInputs; ++i) in[i] = load(m + i * kWinogradInputs * position_bytes);
    transform<kOutputs>(in, out);
    for (int i = 0; i < kOutputs; ++i) columns[i * kWinogradInputs + j] = out[i];
  }
  const __m256i inverse = _mm256_set1_epi32(kInverseOf9);
  constexpr std::int64_t kRowBytes = kOutputs * std::int64_t{sizeof(Acc)};
  finish_row<kOutputs, 3>(columns, inverse, bias, acc);
  finish_row<kOutputs, 2>(columns + kWinogradInputs, inverse, bias, acc + kRowBytes);
  finish_row<kOutputs, 1>(columns + 2 * kWinogradInputs, inverse, bias, acc + 2 * kRowBytes);
  if constexpr (kOutputs > 3) {
    finish_row<kOutputs, 1>(columns + 3 * kWinogradInputs, inverse, bias, acc + 3 * kRowBytes);
  }
}

template <int kOutputs>
void finish_tile(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                 const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel, int channels,
                 void* output) {
  Acc acc[kOutputs * kOutputs];
  std::byte* const halves = reinterpret_cast<std::byte*>(acc);
  finish_half<kOutputs>(m, position_bytes, load(head), halves);
  finish_half<kOutputs>(m + 32, position_bytes, load(head + 32), halves + 32);
  const float* const multiplier = reinterpret_cast<const float*>(head + 64);
  const bool whole = channels == 16 && tile.columns == kOutputs && problem.output_type == OutputType::kUint8;
  std::int64_t index = tile.pixel * stage.out_c + channel;
  const Acc* row = acc;
  for (int r = 0; r < tile.rows; ++r, row += kOutputs, index += problem.shape.out_w * stage.out_c) {
    if (whole) {
      std::uint8_t* const out = static_cast<std::uint8_t*>(output) + index;
      store_pixels(stage, row[0], row[1], multiplier, out);
      if constexpr (kOutputs > 3) {
        store_pixels(stage, row[2], row[3], multiplier, out + 2 * stage.out_c);
      } else {
        store_pixel(stage, row[2], multiplier, out + 2 * stage.out_c);
      }
    } else {
      store_panel(problem, stage, row, tile.columns, multiplier, channels, output, index);
    }
  }
}

}  // namespace

void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  if (count < 16) {
    alignas(32) std::int16_t results[16];
    for (int i = 0; i < kWinogradInputs; ++i) {
      alignas(16) std::uint8_t bytes[16] = {};
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load_bytes(bytes);
    }
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(results), out[i]);
      std::memcpy(lines + i * line_bytes, results, static_cast<std::size_t>(count) * 2);
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 16) {
    if (k + 16 > count) k = count - 16;  // the last 16, which repeats some
    for (int i = 0; i < kWinogradInputs; ++i) d[i] = load_bytes(rows[i] + k);
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(lines + i * line_bytes + k * 2), out[i]);
    }
  }
}

// B times a column of zero points is (0, 6 * zero_point, 0, 0, 0, 0).
void fill_columns(std::int32_t zero_point, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  for (int i = 0; i < kWinogradInputs; ++i) {
    std::memset(lines + i * line_bytes, 0, static_cast<std::size_t>(count) * 2);
  }
  std::int16_t* const second = reinterpret_cast<std::int16_t*>(lines + line_bytes);
  const std::int16_t value = static_cast<std::int16_t>(6 * zero_point);
  for (std::int64_t k = 0; k < count; ++k) second[k] = value;
}

void transform_output_4x4(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output) {
  finish_tile<4>(problem, stage, tile, m, position_bytes, head, channel, channels, output);
}

void transform_output_3x3(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output) {
  finish_tile<3>(problem, stage, tile, m, position_bytes, head, channel, channels, output);
}

}  // namespace narrow::kernels::avx2
