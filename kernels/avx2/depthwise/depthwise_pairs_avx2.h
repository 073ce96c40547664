// What depthwise_u8_avx2, depthwise_u8_wide_bias_avx2 and depthwise_s16_avx2 share: one filter per channel (groups ==
// in_c == out_c), any window, stride, dilation and padding. A tile is one output row x 16 channels. It reads lines of
// two interleaved rows of the image (depthwise_avx2.h). The bias includes -zero_point * sum(w). Everything here is
// static: see kernels/CMakeLists.txt.
//
// Element is the arithmetic of a kernel:
//   Sum; kPixelBytes; kPixels (of a tile)
//   tile(lines, shift, panel, weights, sums): sums of kPixels pixels. Their windows start `shift` bytes after the
//     start of the lines. The weights are those of the panel and output row.
//   wide(sum, panel): the sum as int32, or 2^16 times the sum
//   kMultiplierOfWide: the multiplier of wide(), as a multiple of the packed one
//   words(stage, sum, panel): outputs as words, before they are limited to bytes
#pragma once

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/depthwise_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

// One pixel of a panel from its pairs of bytes (upper, lower).
template <bool kWords>
NARROW_INLINE void store_pixel(__m256i pairs, std::uint8_t* to) {
  __m256i* const out = reinterpret_cast<__m256i*>(to);
  if constexpr (kWords) {
    const __m256i zero = _mm256_setzero_si256();
    _mm256_store_si256(out, _mm256_unpacklo_epi8(pairs, zero));
    _mm256_store_si256(out + 1, _mm256_unpackhi_epi8(pairs, zero));
  } else {
    _mm256_store_si256(out, pairs);
  }
}

// Two panels: the unpacks put the first half of each lane into the first panel and the second half into the second
// panel.
template <bool kWords>
static void interleave_two(const LineRows& rows, std::int64_t pixels, std::uint8_t* to, std::int64_t panel_step) {
  constexpr std::int64_t kPixelBytes = kWords ? 64 : 32;
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1];
  for (; pixels > 0; --pixels, r0 += rows.step[0], r1 += rows.step[1], to += kPixelBytes) {
    const __m256i upper = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(r0));
    const __m256i lower = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(r1));
    store_pixel<kWords>(_mm256_unpacklo_epi8(upper, lower), to);
    store_pixel<kWords>(_mm256_unpackhi_epi8(upper, lower), to + panel_step);
  }
}

template <bool kWords, bool kWhole>
static void interleave_one(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to) {
  constexpr std::int64_t kPixelBytes = kWords ? 64 : 32;
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1];
  const auto load = [&](const std::uint8_t* from) {
    return kWhole ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)) : load_part(from, channels);
  };
  for (; pixels > 0; --pixels, r0 += rows.step[0], r1 += rows.step[1], to += kPixelBytes) {
    const __m128i upper = load(r0);
    const __m128i lower = load(r1);
    const __m256i low = _mm256_castsi128_si256(_mm_unpacklo_epi8(upper, lower));
    store_pixel<kWords>(_mm256_inserti128_si256(low, _mm_unpackhi_epi8(upper, lower), 1), to);
  }
}

// Fills a line with pairs of rows. A pixel of bytes is (upper, lower) of lanes 0..15 of a panel. A pixel of words is
// (upper, lower) of lanes 0-3, 8-11, then 4-7, 12-15.
template <bool kWords>
static void interleave(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                       std::int64_t panel_step) {
  if (channels > kDepthwiseChannels) {
    interleave_two<kWords>(rows, pixels, to, panel_step);
  } else if (channels == kDepthwiseChannels) {
    interleave_one<kWords, true>(rows, pixels, channels, to);
  } else {
    interleave_one<kWords, false>(rows, pixels, channels, to);
  }
}

NARROW_INLINE const float* multipliers(const std::byte* panel) {
  return reinterpret_cast<const float*>(panel + kDepthwiseMultiplier);
}

// Bytes of two vectors of words. Neighbours lie in the same 128-bit lane.
NARROW_INLINE __m256i bytes(__m256i first, __m256i second, __m256i lo, __m256i hi) {
  return _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(first, second), lo), hi);
}

// uint8 outputs of one or two whole panels. A row has at least the pixels of a tile.
template <class Element, int kPanels>
[[gnu::noinline]] static void run_whole(const ConvolutionProblem& problem, const TileLines& in,
                                        const DepthwiseBlock& block) {
  constexpr int kPixels = Element::kPixels;
  const OutputStage stage = output_stage(problem);
  const __m256i lo = stage.lower;
  const __m256i hi = _mm256_set1_epi8(static_cast<char>(problem.output_range.hi));
  const std::ptrdiff_t out_c = stage.out_c;
  const std::byte* const first = block.packed;
  const std::byte* const second = block.packed + block.packed_step;
  std::uint8_t* row = static_cast<std::uint8_t*>(block.output) + block.index;
  std::int64_t weights = kDepthwiseHeadBytes;
  for (int left = block.rows; left > 0; --left, row += problem.shape.out_w * out_c, weights += Element::kPixelBytes) {
    for (int x = 0; x < block.columns; x += kPixels) {
      // The last tile begins earlier and computes some outputs again.
      if (x + kPixels > block.columns) x = block.columns - kPixels;
      const std::int64_t shift = x * in.pixel_step;
      std::uint8_t* const out = row + x * out_c;
      typename Element::Sum sums[kPixels];
      __m256i words[kPixels];
      Element::tile(in, shift, first, first + weights, sums);
#pragma GCC unroll 7
      for (int i = 0; i < kPixels; ++i) words[i] = Element::words(stage, sums[i], first);
      if constexpr (kPanels == 2) {
        Element::tile(in, shift + in.panel_step, second, second + weights, sums);
#pragma GCC unroll 7
        for (int i = 0; i < kPixels; ++i) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * out_c),
                              bytes(words[i], Element::words(stage, sums[i], second), lo, hi));
        }
      } else {
#pragma GCC unroll 7
        for (int i = 0; i < kPixels; i += 2) {
          const int next = i + 1 < kPixels ? i + 1 : i;
          const __m256i two = _mm256_permute4x64_epi64(bytes(words[i], words[next], lo, hi), 0xD8);
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * out_c), _mm256_castsi256_si128(two));
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + next * out_c), _mm256_extracti128_si256(two, 1));
        }
      }
    }
  }
}

// store_panel() for the channels of a block. A function of its own in depthwise_layer_avx2.cpp, because each kernel has
// the loop that calls it.
void store_block(const ConvolutionProblem& problem, const OutputStage& stage, const Acc* acc, int pixels,
                 const float* multiplier, const DepthwiseBlock& block, std::int64_t index);

// One panel, any outputs.
template <class Element>
[[gnu::noinline]] static void run_any(const ConvolutionProblem& problem, const TileLines& in,
                                      const DepthwiseBlock& block) {
  constexpr int kPixels = Element::kPixels;
  const OutputStage stage = output_stage(problem);
  alignas(32) float multiplier[kDepthwiseChannels];
  for (int i = 0; i < kDepthwiseChannels; ++i)
    multiplier[i] = multipliers(block.packed)[i] * Element::kMultiplierOfWide;
  for (int row = 0; row < block.rows; ++row) {
    const std::byte* const weights = block.packed + kDepthwiseHeadBytes + row * Element::kPixelBytes;
    for (int x = 0; x < block.columns; x += kPixels) {
      typename Element::Sum sums[kPixels];
      Element::tile(in, x * in.pixel_step, block.packed, weights, sums);
      Acc acc[kPixels];
      for (int i = 0; i < kPixels; ++i) acc[i] = Element::wide(sums[i], block.packed);
      const int pixels = block.columns - x < kPixels ? block.columns - x : kPixels;
      store_block(problem, stage, acc, pixels, multiplier, block,
                  block.index + (std::int64_t{row} * problem.shape.out_w + x) * stage.out_c);
    }
  }
}

template <class Element>
static void run(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block) {
  if (block.channels > kDepthwiseChannels) {
    run_whole<Element, 2>(problem, in, block);
  } else if (block.channels == kDepthwiseChannels && problem.output_type == OutputType::kUint8 &&
             block.columns >= Element::kPixels) {
    run_whole<Element, 1>(problem, in, block);
  } else {
    run_any<Element>(problem, in, block);
  }
}

}  // namespace narrow::kernels::avx2
