#include "kernels/avx2/matched/matched_columns_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

// 16 bytes of two pixels, in the halves of a vector.
__attribute__((always_inline)) inline __m256i load_two(const std::uint8_t* low, const std::uint8_t* high) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first), _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)),
                                 1);
}

// Four steps of 8 pixels: a transposition of 4x4 numbers of 32 bits in each half.
__attribute__((always_inline)) inline void four_steps(const std::uint8_t* const* pixels, std::int64_t at,
                                                      std::int64_t step_bytes, std::uint8_t* to) {
  const __m256i r0 = load_two(pixels[0] + at, pixels[4] + at);
  const __m256i r1 = load_two(pixels[1] + at, pixels[5] + at);
  const __m256i r2 = load_two(pixels[2] + at, pixels[6] + at);
  const __m256i r3 = load_two(pixels[3] + at, pixels[7] + at);
  const __m256i low01 = _mm256_unpacklo_epi32(r0, r1);
  const __m256i low23 = _mm256_unpacklo_epi32(r2, r3);
  const __m256i high01 = _mm256_unpackhi_epi32(r0, r1);
  const __m256i high23 = _mm256_unpackhi_epi32(r2, r3);
  const auto store = [&](std::int64_t step, __m256i column) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to + step * step_bytes), column);
  };
  store(0, _mm256_unpacklo_epi64(low01, low23));
  store(1, _mm256_unpackhi_epi64(low01, low23));
  store(2, _mm256_unpacklo_epi64(high01, high23));
  store(3, _mm256_unpackhi_epi64(high01, high23));
}

}  // namespace

void load_columns(const std::uint8_t* const* pixels, std::int64_t count, const ColumnDepth& depth, int vectors,
                  std::uint8_t* columns) {
  const std::int64_t step_bytes = vectors * kColumnBytes;
  const std::int64_t segment_steps = (depth.segment_bytes + 3) / 4;
  for (int v = 0; v < vectors; ++v) {
    const std::uint8_t* now[kColumnPixels];
    for (int i = 0; i < kColumnPixels; ++i) {
      const std::int64_t pixel = v * kColumnPixels + i;
      now[i] = pixels[pixel < count ? pixel : count - 1];
    }
    // Four steps at a time run over a segment's end, into steps that the next one then writes.
    std::uint8_t* to = columns + v * kColumnBytes;
    for (std::int64_t s = 0; s < depth.segments; ++s, to += segment_steps * step_bytes) {
      const std::int64_t begin = depth.offsets[s];
      for (std::int64_t step = 0; step < segment_steps; step += 4) {
        four_steps(now, begin + 4 * step, step_bytes, to + step * step_bytes);
      }
    }
  }
}

void load_window(const std::uint8_t* pixel, const ColumnDepth& depth, std::uint8_t* window) {
  const std::int64_t bytes = (depth.segment_bytes + 3) / 4 * 4;
  for (std::int64_t s = 0; s < depth.segments; ++s, window += bytes) {
    std::memcpy(window, pixel + depth.offsets[s], static_cast<std::size_t>(bytes));
  }
}

}  // namespace narrow::kernels::avx2
