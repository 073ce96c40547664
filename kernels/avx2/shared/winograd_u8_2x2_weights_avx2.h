// The weight transform W = G g G^T for a whole panel, see winograd_u8_2x2_avx2.h. Static: each ISA compiles its own
// copy with its own vectors, which the linker never sees.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_u8_2x2_avx2.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/narrow_weights.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx2 {

#ifdef __AVX512BW__
using WinogradBytes = __m512i;
NARROW_INLINE WinogradBytes add(WinogradBytes a, WinogradBytes b) { return _mm512_add_epi8(a, b); }
NARROW_INLINE WinogradBytes subtract(WinogradBytes a, WinogradBytes b) { return _mm512_sub_epi8(a, b); }
NARROW_INLINE void store_bytes(WinogradBytes bytes, std::byte* to) { _mm512_store_si512(to, bytes); }
#else
using WinogradBytes = __m256i;
NARROW_INLINE WinogradBytes add(WinogradBytes a, WinogradBytes b) { return _mm256_add_epi8(a, b); }
NARROW_INLINE WinogradBytes subtract(WinogradBytes a, WinogradBytes b) { return _mm256_sub_epi8(a, b); }
NARROW_INLINE void store_bytes(WinogradBytes bytes, std::byte* to) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(to), bytes);
}
#endif

// Weights [at, at + sizeof(WinogradBytes)) of a tap.
template <int kBits>
NARROW_INLINE WinogradBytes load_weights(const std::byte* tap, std::int64_t at, std::int8_t least) {
  const auto load = [](const std::byte* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); };
#ifdef __AVX512BW__
  if constexpr (kBits == 8) return _mm512_loadu_si512(tap + at);
  if constexpr (kBits == 4) {
    const __m256i low = load(tap + at / 2);
    const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_srli_epi16(low, 4), 1);
    return _mm512_add_epi8(_mm512_and_si512(both, _mm512_set1_epi8(15)), _mm512_set1_epi8(least));
  }
#else
  if constexpr (kBits == 8) return load(tap + at);
  if constexpr (kBits == 4) {
    // 32 bytes hold 64 weights. The second 32 weights are in the upper half of each byte.
    const __m256i both = load(tap + at / 64 * 32);
    const __m256i integers = _mm256_srl_epi16(both, _mm_cvtsi32_si128(at % 64 == 0 ? 0 : 4));
    return _mm256_add_epi8(_mm256_and_si256(integers, _mm256_set1_epi8(15)), _mm256_set1_epi8(least));
  }
#endif
  alignas(64) std::byte wide[sizeof(WinogradBytes)];
  widen_units({kBits, least}, tap + at * kBits / 8, sizeof wide / kUnit, wide);
#ifdef __AVX512BW__
  return _mm512_load_si512(wide);
#else
  return load(wide);
#endif
}

// G g of columns (or rows), one in each byte. out[i] is out[i * stride].
NARROW_INLINE void transform_weights(WinogradBytes g0, WinogradBytes g1, WinogradBytes g2, WinogradBytes* out,
                                     int stride) {
  const WinogradBytes ends = add(g0, g2);
  out[0] = add(g0, g0);
  out[stride] = add(ends, g1);
  out[2 * stride] = subtract(ends, g1);
  out[3 * stride] = add(g2, g2);
}

template <int kBits>
static inline void transform_taps(const ByteWinogradPlan& plan, const std::byte* taps, std::byte* positions) {
  const std::int64_t tap_bytes = plan.tap_bytes();
  const std::int64_t bytes = plan.weight_bytes();
  const std::int64_t position_bytes = plan.position_bytes;
  const std::int8_t least = plan.storage.least;
  std::byte* to = positions + kByteWinogradPositionHead;
  for (std::int64_t at = 0; at < bytes; at += sizeof(WinogradBytes), to += sizeof(WinogradBytes)) {
    WinogradBytes columns[12];
    for (int i = 0; i < 9; ++i) prefetch_weights(taps + i * tap_bytes + at * kBits / 8);
    const std::byte* tap = taps;
    for (int i = 0; i < 3; ++i, tap += tap_bytes) {
      transform_weights(load_weights<kBits>(tap, at, least), load_weights<kBits>(tap + 3 * tap_bytes, at, least),
                        load_weights<kBits>(tap + 6 * tap_bytes, at, least), columns + i, 3);
    }
    std::byte* row = to;
    for (int i = 0; i < 4; ++i, row += 4 * position_bytes) {
      WinogradBytes out[4];
      transform_weights(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], out, 1);
      __asm__("" : "+r"(row));  // without this, compilers keep all 16 addresses, most of them on the stack
      store_bytes(out[0], row);
      store_bytes(out[1], row + position_bytes);
      store_bytes(out[2], row + 2 * position_bytes);
      store_bytes(out[3], row + 3 * position_bytes);
    }
  }
}

// ByteWinogradFunctions::transform_weights.
static inline void transform_byte_weights(const ByteWinogradPlan& plan, const std::byte* taps, std::byte* positions) {
  if (plan.storage.bits == 8) return transform_taps<8>(plan, taps, positions);
  if (plan.storage.bits == 4) return transform_taps<4>(plan, taps, positions);
  transform_taps<2>(plan, taps, positions);
}

}  // namespace narrow::kernels::avx2
