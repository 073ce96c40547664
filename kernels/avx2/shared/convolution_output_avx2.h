// From int32 accumulators to outputs, 16 channels of a pixel at a time.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

// 16 accumulators of a pixel. Packing two of these vectors returns channels 0 to 15 in order.
struct Acc {
  __m256i low;   // channels 0-3, 8-11
  __m256i high;  // channels 4-7, 12-15
};

// The index of channel `c` of a panel in that order. Bias, multipliers and weights are packed in it.
static inline int place_in_panel(int c) {
  if (c >= 4 && c < 8) return c + 4;
  if (c >= 8 && c < 12) return c - 4;
  return c;
}

static inline std::int16_t widened(std::int8_t weight) { return weight; }

// The constants that all outputs of a layer share.
struct OutputStage {
  __m256 upper;        // hi - zero_point
  __m256i zero_point;  // int16
  __m256i lower;       // uint8
  __m256 clamp_lo, clamp_hi;
  // Of a residual sum.
  __m256 sum_multiplier, residual_multiplier;
  __m256i residual_zero_point;  // int32
  const std::uint8_t* residual;
  std::ptrdiff_t out_c;
};

static inline bool output_is_supported(const ConvolutionProblem& problem) {
  return problem.output_type == OutputType::kFloat32 ||
         (problem.output_range.lo >= 0 && problem.output_range.lo <= problem.output_range.hi &&
          problem.output_range.hi <= 255 && problem.output_zero_point >= 0 && problem.output_zero_point <= 255);
}

static inline OutputStage output_stage(const ConvolutionProblem& problem, const ConvolutionPart& part = {}) {
  return {_mm256_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
          _mm256_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
          _mm256_set1_epi8(static_cast<char>(problem.output_range.lo)),
          _mm256_set1_ps(problem.output_clamp.lo),
          _mm256_set1_ps(problem.output_clamp.hi),
          _mm256_set1_ps(problem.residual.sum_multiplier),
          _mm256_set1_ps(problem.residual.multiplier),
          _mm256_set1_epi32(problem.residual.zero_point),
          part.residual,
          problem.shape.out_c};
}

NARROW_INLINE __m256 scaled(__m256i acc, const float* multiplier) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_load_ps(multiplier));
}

NARROW_INLINE __m256i requantized_words(const OutputStage& stage, const Acc& acc, const float* multiplier) {
  const __m256i low = _mm256_cvtps_epi32(_mm256_min_ps(scaled(acc.low, multiplier), stage.upper));
  const __m256i high = _mm256_cvtps_epi32(_mm256_min_ps(scaled(acc.high, multiplier + 8), stage.upper));
  return _mm256_adds_epi16(_mm256_packs_epi32(low, high), stage.zero_point);
}

// Requantizes two pixels. The first is in the lower half. It is exact for any int32 and any finite positive multiplier:
// the product is limited to the integer hi - zero_point before it is rounded, so infinity becomes hi. Very negative
// products convert to INT_MIN and saturate when they are packed to bytes.
NARROW_INLINE __m256i requantized(const OutputStage& stage, const Acc& first, const Acc& second,
                                  const float* multiplier) {
  const __m256i bytes = _mm256_max_epu8(
      _mm256_packus_epi16(requantized_words(stage, first, multiplier), requantized_words(stage, second, multiplier)),
      stage.lower);
  return _mm256_permute4x64_epi64(bytes, 0xD8);
}

// Stores one or two whole panels of uint8 outputs.
NARROW_INLINE void store_pixel(const OutputStage& stage, const Acc& acc, const float* multiplier, std::uint8_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(requantized(stage, acc, acc, multiplier)));
}
NARROW_INLINE void store_pixels(const OutputStage& stage, const Acc& first, const Acc& second, const float* multiplier,
                                std::uint8_t* out) {
  const __m256i bytes = requantized(stage, first, second, multiplier);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stage.out_c), _mm256_extracti128_si256(bytes, 1));
}

// Stores the first `count` < 16 bytes.
static inline void store_part(__m128i bytes, int count, std::uint8_t* out) {
  if ((count & 8) != 0) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), bytes);
    bytes = _mm_srli_si128(bytes, 8);
    out += 8;
  }
  if ((count & 4) != 0) {
    const int four = _mm_cvtsi128_si32(bytes);
    std::memcpy(out, &four, 4);
    bytes = _mm_srli_si128(bytes, 4);
    out += 4;
  }
  if ((count & 2) != 0) {
    const int two = _mm_extract_epi16(bytes, 0);
    std::memcpy(out, &two, 2);
    bytes = _mm_srli_si128(bytes, 2);
    out += 2;
  }
  if ((count & 1) != 0) *out = static_cast<std::uint8_t>(_mm_cvtsi128_si32(bytes));
}

// Stores the first `count` of 16 float outputs.
static inline void store_floats(const OutputStage& stage, const Acc& acc, const float* multiplier, int count,
                                float* out) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256 low = scaled(acc.low, multiplier);
  const __m256 high = scaled(acc.high, multiplier + 8);
  const __m256 halves[2] = {_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31)};
  for (int i = 0; i < 2 && count > 8 * i; ++i) {
    // With this order of operands, equal values behave as in std::min and std::max.
    const __m256 y = _mm256_min_ps(stage.clamp_hi, _mm256_max_ps(stage.clamp_lo, halves[i]));
    _mm256_maskstore_ps(out + 8 * i, _mm256_cmpgt_epi32(_mm256_set1_epi32(count - 8 * i), lanes), y);
  }
}

// 8 products of sums and multipliers, plus 8 elements of the other tensor, before rounding. The sum of products may be
// infinite, the other product is finite.
NARROW_INLINE __m256 residual_sum(const OutputStage& stage, __m256 product, __m256i residual) {
  const __m256 other = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(residual, stage.residual_zero_point)),
                                     stage.residual_multiplier);
  return _mm256_min_ps(_mm256_add_ps(_mm256_mul_ps(product, stage.sum_multiplier), other), stage.upper);
}

// Loads fewer than 16 channels in one to three loads. The loads overlap and read no other byte.
NARROW_INLINE __m128i load_part(const std::uint8_t* from, int channels) {
  const auto load = [&]<class Word>(int at, Word) {
    Word word;
    std::memcpy(&word, from + at, sizeof(Word));
    return std::uint64_t{word} << 8 * at;
  };
  if (channels > 8) {
    const std::uint64_t low = load(0, std::uint64_t{});
    std::uint64_t high = 0;
    std::memcpy(&high, from + channels - 8, 8);
    return _mm_set_epi64x(static_cast<std::int64_t>(high >> 8 * (16 - channels)), static_cast<std::int64_t>(low));
  }
  std::uint64_t bytes = 0;
  if (channels == 8) {
    bytes = load(0, std::uint64_t{});
  } else if (channels >= 4) {
    bytes = load(0, std::uint32_t{}) | load(channels - 4, std::uint32_t{});
  } else {
    bytes = load(0, std::uint8_t{}) | load(channels / 2, std::uint8_t{}) | load(channels - 1, std::uint8_t{});
  }
  return _mm_cvtsi64_si128(static_cast<std::int64_t>(bytes));
}

// 16 residual sums of a pixel as int16, in the order of Acc. other: bytes of the other tensor.
NARROW_INLINE __m256i residual_words(const OutputStage& stage, const Acc& acc, const float* multiplier, __m128i other) {
  const __m128i ordered = _mm_shuffle_epi32(other, 0xD8);  // channels 0-3, 8-11 and 4-7, 12-15
  const __m256 low = residual_sum(stage, scaled(acc.low, multiplier), _mm256_cvtepu8_epi32(ordered));
  const __m256 high =
      residual_sum(stage, scaled(acc.high, multiplier + 8), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(ordered, ordered)));
  return _mm256_adds_epi16(_mm256_packs_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high)), stage.zero_point);
}

// Stores residual sums: `channels` (1 to 16) of each of `pixels`. residual, out: of the first pixel.
static inline void store_residual_sums(const OutputStage& stage, const Acc* acc, int pixels, const float* multiplier,
                                       int channels, const std::uint8_t* residual, std::uint8_t* out) {
  const auto bytes = [&](__m256i first, __m256i second) {
    return _mm256_permute4x64_epi64(_mm256_max_epu8(_mm256_packus_epi16(first, second), stage.lower), 0xD8);
  };
  const auto words = [&](int pixel, __m128i other) { return residual_words(stage, acc[pixel], multiplier, other); };
  const auto load_whole = [&](int pixel) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(residual + pixel * stage.out_c));
  };
  int i = 0;
  for (; channels == 16 && i + 1 < pixels; i += 2) {
    const __m256i two = bytes(words(i, load_whole(i)), words(i + 1, load_whole(i + 1)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * stage.out_c), _mm256_castsi256_si128(two));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (i + 1) * stage.out_c), _mm256_extracti128_si256(two, 1));
  }
  for (; i < pixels; ++i) {
    const __m256i one = words(i, channels == 16 ? load_whole(i) : load_part(residual + i * stage.out_c, channels));
    const __m128i y = _mm256_castsi256_si128(bytes(one, one));
    if (channels == 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * stage.out_c), y);
    } else {
      store_part(y, channels, out + i * stage.out_c);
    }
  }
}

// The general case: `channels` (1 to 16) of each of `pixels` accumulators in memory. `index` is that of the first
// output.
static inline void store_panel(const ConvolutionProblem& problem, const OutputStage& stage, const Acc* acc, int pixels,
                               const float* multiplier, int channels, void* output, std::int64_t index) {
  if (problem.output_type == OutputType::kResidualSum) {
    return store_residual_sums(stage, acc, pixels, multiplier, channels, stage.residual + index,
                               static_cast<std::uint8_t*>(output) + index);
  }
  for (int i = 0; i < pixels; ++i, ++acc, index += stage.out_c) {
    if (problem.output_type == OutputType::kFloat32) {
      store_floats(stage, *acc, multiplier, channels, static_cast<float*>(output) + index);
    } else if (channels == 16) {
      store_pixel(stage, *acc, multiplier, static_cast<std::uint8_t*>(output) + index);
    } else {
      store_part(_mm256_castsi256_si128(requantized(stage, *acc, *acc, multiplier)), channels,
                 static_cast<std::uint8_t*>(output) + index);
    }
  }
}

}  // namespace narrow::kernels::avx2
