// Transposes weights from canonical order, [channel][element], to the order of panels, [depth step][channel][element].
// It moves groups of 2 or 4 bytes. Static, for SSE2: each ISA compiles its own copy, which the linker never sees.
#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace narrow::kernels {

static inline __m128i load_16(const std::int8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// Elements [0, count) of one channel. `to` is its address in depth step 0, and depth steps are `step_bytes` apart.
// Missing elements of the last depth step become 0.
template <int kElems>
static inline void pack_one_channel(const std::int8_t* weights, std::int64_t count, std::int64_t step_bytes,
                                    std::int8_t* to) {
  for (; count >= kElems; count -= kElems, weights += kElems, to += step_bytes) std::memcpy(to, weights, kElems);
  for (int i = 0; count > 0 && i < kElems; ++i) to[i] = i < count ? weights[i] : std::int8_t{0};
}

// The same for four channels, `channel_step` elements apart. Their outputs are next to each other.
template <int kElems>
static inline void pack_four_channels(const std::int8_t* weights, std::int64_t channel_step, std::int64_t count,
                                      std::int64_t step_bytes, std::int8_t* to) {
  static_assert(kElems == 2 || kElems == 4);
  constexpr std::int64_t kVector = 16;
  std::int64_t k = 0;
  for (; k + kVector <= count; k += kVector, to += kVector / kElems * step_bytes) {
    const std::int8_t* const from = weights + k;
    const __m128i a = load_16(from), b = load_16(from + channel_step);
    const __m128i c = load_16(from + 2 * channel_step), d = load_16(from + 3 * channel_step);
    if constexpr (kElems == 4) {
      const __m128i ab_low = _mm_unpacklo_epi32(a, b), ab_high = _mm_unpackhi_epi32(a, b);
      const __m128i cd_low = _mm_unpacklo_epi32(c, d), cd_high = _mm_unpackhi_epi32(c, d);
      const auto store = [&](int step, __m128i bytes) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + step * step_bytes), bytes);
      };
      store(0, _mm_unpacklo_epi64(ab_low, cd_low));
      store(1, _mm_unpackhi_epi64(ab_low, cd_low));
      store(2, _mm_unpacklo_epi64(ab_high, cd_high));
      store(3, _mm_unpackhi_epi64(ab_high, cd_high));
    } else {
      const __m128i ab_low = _mm_unpacklo_epi16(a, b), ab_high = _mm_unpackhi_epi16(a, b);
      const __m128i cd_low = _mm_unpacklo_epi16(c, d), cd_high = _mm_unpackhi_epi16(c, d);
      const auto store_two = [&](int step, __m128i bytes) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + step * step_bytes), bytes);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + (step + 1) * step_bytes), _mm_unpackhi_epi64(bytes, bytes));
      };
      store_two(0, _mm_unpacklo_epi32(ab_low, cd_low));
      store_two(2, _mm_unpackhi_epi32(ab_low, cd_low));
      store_two(4, _mm_unpacklo_epi32(ab_high, cd_high));
      store_two(6, _mm_unpackhi_epi32(ab_high, cd_high));
    }
  }
  for (int c = 0; c < 4; ++c) {
    pack_one_channel<kElems>(weights + c * channel_step + k, count - k, step_bytes, to + c * kElems);
  }
}

}  // namespace narrow::kernels
