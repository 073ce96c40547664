// Narrow weights: weights of at most 4 or 2 bits take a half or a quarter of a byte each. The least weight is
// subtracted before they are stored. Kernels unpack a panel to bytes in the cache, once for all the pixels of a block,
// or in registers where a layer has few pixels. Static: each ISA compiles its own copy with its own vectors, which the
// linker never sees.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels {

struct WeightStorage {
  int bits = 8;  // 8, 4 or 2
  // Added to weights that are stored in less than 8 bits. Missing weights are stored as 0, so it is at most 0.
  std::int8_t least = 0;
};

static inline WeightStorage weight_storage(const ConvolutionProblem& problem) {
  // With few pixels, unpacking takes longer than computing. It still saves time if the bytes do not fit a cache.
  constexpr std::int64_t kFewPixels = 16;
  constexpr std::int64_t kCachedWeights = 1 << 20;
  const ConvolutionShape& shape = problem.shape;
  if (std::int64_t{shape.out_h} * shape.out_w < kFewPixels && shape.out_c * shape.depth() <= kCachedWeights) return {};
  const std::int32_t lo = problem.weight_range.lo < 0 ? problem.weight_range.lo : 0;
  const std::int32_t hi = problem.weight_range.hi > 0 ? problem.weight_range.hi : 0;
  if (hi - lo > 15) return {};
  return {hi - lo > 3 ? 4 : 2, static_cast<std::int8_t>(lo)};
}

// Up to this many pixels, tiles widen narrow weights in registers, once for each pixel. A linear layer of one image
// reads each weight once, and storing widened weights first would take longer than reading narrow ones from memory.
static constexpr std::int64_t kPixelsForNarrowTiles = 3;

static constexpr std::int64_t kUnit = 32;  // weights of a storage unit: byte i holds weights i, i + 4 * bits, ...

static inline std::int64_t unit_bytes(const WeightStorage& storage) { return kUnit * storage.bits / 8; }

static inline void store_units(const WeightStorage& storage, const std::int8_t* weights, std::int64_t units,
                               std::byte* to) {
  if (storage.bits == 8) return void(std::memcpy(to, weights, static_cast<std::size_t>(units * kUnit)));
  const __m128i least = _mm_set1_epi8(storage.least);
  if (storage.bits == 4) {
    for (; units > 0; --units, weights += kUnit, to += 16) {
      const auto integers = [&](int at) {
        return _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + at)), least);
      };
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_or_si128(integers(0), _mm_slli_epi16(integers(16), 4)));
    }
  } else {
    for (; units > 0; --units, weights += kUnit, to += 8) {
      const auto integers = [&](int at) {
        return _mm_sub_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + at)), least);
      };
      const __m128i low = _mm_or_si128(integers(0), _mm_slli_epi16(integers(8), 2));
      const __m128i high = _mm_or_si128(_mm_slli_epi16(integers(16), 4), _mm_slli_epi16(integers(24), 6));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_or_si128(low, high));
    }
  }
}

#ifdef __AVX2__
// What unpacks storage units of 4 or 2 bits to vectors of bytes.
struct NarrowUnits {
  __m256i order;   // makes copies of a unit, in both halves or all quarters of a vector
  __m256i shifts;  // move the weights of each part to the lowest bits
  __m256i mask, least;
  __m128i loaded;  // no byte behind a unit is read
  std::int64_t bytes;
};

static inline NarrowUnits narrow_units(const WeightStorage& storage) {
  const __m256i mask = _mm256_set1_epi8(static_cast<char>((1 << storage.bits) - 1));
  const __m256i least = _mm256_set1_epi8(storage.least);
  if (storage.bits == 4) {
    return {_mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3),
            _mm256_setr_epi64x(0, 0, 4, 4),
            mask,
            least,
            _mm_set1_epi64x(-1),
            16};
  }
  return {
      _mm256_setr_epi32(0, 1, 0, 1, 0, 1, 0, 1), _mm256_setr_epi64x(0, 2, 4, 6), mask, least, _mm_set_epi64x(0, -1), 8};
}

// The unit at `from`.
NARROW_INLINE __m256i widened(const NarrowUnits& units, const std::byte* from) {
  const __m128i unit = _mm_maskload_epi64(reinterpret_cast<const long long*>(from), units.loaded);
  const __m256i copies = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(unit), units.order);
  return _mm256_add_epi8(_mm256_and_si256(_mm256_srlv_epi64(copies, units.shifts), units.mask), units.least);
}

// The inverse of store_units, for 4 and 2 bits. `to` is 32-byte aligned.
static inline void widen_units(const WeightStorage& storage, const std::byte* from, std::int64_t units, std::byte* to) {
  __m256i* out = reinterpret_cast<__m256i*>(to);
  __m256i* const end = out + units;
  const NarrowUnits now = narrow_units(storage);
#ifdef __AVX512BW__
  if (storage.bits == 4) {
    const __m512i order = _mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3);
    const __m512i both_shifts = _mm512_broadcast_i64x4(now.shifts);
    const __m512i both_masks = _mm512_broadcast_i64x4(now.mask), both_least = _mm512_broadcast_i64x4(now.least);
    for (; end - out >= 2; out += 2, from += 32) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      const __m512i copies = _mm512_permutexvar_epi64(order, _mm512_castsi256_si512(x));
      const __m512i integers = _mm512_and_si512(_mm512_srlv_epi64(copies, both_shifts), both_masks);
      _mm512_storeu_si512(out, _mm512_add_epi8(integers, both_least));
    }
  }
#endif
  for (; out != end; ++out, from += now.bytes) _mm256_store_si256(out, widened(now, from));
}
#endif

}  // namespace narrow::kernels
