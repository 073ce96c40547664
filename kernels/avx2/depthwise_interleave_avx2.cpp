#include "kernels/avx2/depthwise_interleave_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

#define NARROW_INLINE __attribute__((always_inline)) static inline

constexpr int kPanel = static_cast<int>(kDepthwiseChannels);

// One panel's pixel: (upper, lower) of channels 0..15.
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

// The first `kBytes` bytes in quarters 0 and 2: the unpacks take the first halves of both 128-bit lanes.
struct Two {
  static constexpr int kPanels = 2;
  NARROW_INLINE __m256i load(const std::uint8_t* from, int /*channels*/) {
    return _mm256_permute4x64_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), 0xD8);
  }
};
struct One {
  static constexpr int kPanels = 1;
  NARROW_INLINE __m256i load(const std::uint8_t* from, int /*channels*/) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_permute4x64_epi64(_mm256_castsi128_si256(bytes), 0xD8);
  }
};
struct Part {
  static constexpr int kPanels = 1;
  NARROW_INLINE __m256i load(const std::uint8_t* from, int channels) {
    alignas(16) std::uint8_t bytes[16] = {};
    std::memcpy(bytes, from, static_cast<std::size_t>(channels));
    return One::load(bytes, kPanel);
  }
};

template <bool kWords, class Channels>
void interleave_pixels(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                       std::int64_t panel_step) {
  constexpr std::int64_t kPixelBytes = kWords ? 64 : 32;
  const std::uint8_t *r0 = rows.row[0], *r1 = rows.row[1];
  for (; pixels > 0; --pixels, r0 += rows.step[0], r1 += rows.step[1], to += kPixelBytes) {
    const __m256i upper = Channels::load(r0, channels);
    const __m256i lower = Channels::load(r1, channels);
    store_pixel<kWords>(_mm256_unpacklo_epi8(upper, lower), to);
    if constexpr (Channels::kPanels == 2) {
      store_pixel<kWords>(_mm256_unpackhi_epi8(upper, lower), to + panel_step);
    }
  }
}

template <bool kWords>
void interleave(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to, std::int64_t panel_step) {
  if (channels == 2 * kPanel) return interleave_pixels<kWords, Two>(rows, pixels, channels, to, panel_step);
  LineRows rest = rows;
  if (channels >= kPanel) {
    interleave_pixels<kWords, One>(rows, pixels, channels, to, panel_step);
    for (const std::uint8_t*& row : rest.row) row += kPanel;
    channels -= kPanel;
    to += panel_step;
  }
  if (channels > 0) interleave_pixels<kWords, Part>(rest, pixels, channels, to, panel_step);
}

}  // namespace

void interleave_bytes(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                      std::int64_t panel_step) {
  interleave<false>(rows, pixels, channels, to, panel_step);
}

void interleave_words(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                      std::int64_t panel_step) {
  interleave<true>(rows, pixels, channels, to, panel_step);
}

}  // namespace narrow::kernels::avx2
