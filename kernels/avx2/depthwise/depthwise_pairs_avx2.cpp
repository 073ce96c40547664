#include "kernels/avx2/depthwise/depthwise_pairs_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// One panel's pixel from its pairs of bytes (upper, lower).
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

// Any number of channels below 16, in one to three loads that overlap and do not read beyond them.
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

// Two panels: the unpacks leave the first half of each lane to the first, the other one to the second.
template <bool kWords>
void interleave_two(const LineRows& rows, std::int64_t pixels, std::uint8_t* to, std::int64_t panel_step) {
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
void interleave_one(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to) {
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

template <bool kWords>
void interleave(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to, std::int64_t panel_step) {
  if (channels > kDepthwiseChannels) {
    interleave_two<kWords>(rows, pixels, to, panel_step);
  } else if (channels == kDepthwiseChannels) {
    interleave_one<kWords, true>(rows, pixels, channels, to);
  } else {
    interleave_one<kWords, false>(rows, pixels, channels, to);
  }
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
