// A step looks up 32 channels of a pair of inputs at once: one vpshufb and one vpaddb for 64 products, where vpmaddubsw
// and vpaddw take as many for 32. The table of a pair of inputs is loaded by its address, so the two inputs cost two
// loads for up to 64 channels.
#include "kernels/avx2/two_bits/w2_tile_avx2.h"

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// sums += table[w]. One asm statement, because g++ 12 moves sums to new registers in each step.
NARROW_INLINE void look_up(__m256i& first, __m256i& second, __m256i table, __m256i w0, __m256i w1) {
  __m256i products;
  __asm__ volatile(
      "vpshufb %[w0], %[table], %[products]\n\t"
      "vpshufb %[w1], %[table], %[table]\n\t"
      "vpaddb %[products], %[first], %[first]\n\t"
      "vpaddb %[table], %[second], %[second]"
      : [first] "+x"(first), [second] "+x"(second), [table] "+x"(table), [products] "=&x"(products)
      : [w0] "x"(w0), [w1] "x"(w1));
}
NARROW_INLINE void look_up(__m256i& sum, __m256i table, __m256i w) {
  __asm__ volatile(
      "vpshufb %[w], %[table], %[table]\n\t"
      "vpaddb %[table], %[sum], %[sum]"
      : [sum] "+x"(sum), [table] "+x"(table)
      : [w] "x"(w));
}

NARROW_INLINE __m256i table_of(const std::byte* tables, const std::uint8_t* pair) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(tables + *pair)));
}

template <int kPixels, int kHalves>
void tile(const std::uint8_t* const* pixels, const W2Depth& depth, const std::byte* weights, W2Sums* sums) {
  const std::uint8_t* const p0 = pixels[0];
  const std::uint8_t* const p1 = pixels[1];
  const std::uint8_t* const p2 = pixels[2];
  const std::uint8_t* const p3 = kPixels > 3 ? pixels[3] : p0;
  const std::uint8_t* const p4 = kPixels > 3 ? pixels[4] : p0;
  const std::uint8_t* const p5 = kPixels > 3 ? pixels[5] : p0;
  const std::byte* const tables = depth.table;
  for (int i = 0; i < kPixels * kHalves; ++i) sums[i] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (std::int64_t s = 0; s < depth.segments; ++s) {
    std::int64_t at = depth.offsets[s];
    const std::int64_t end = at + depth.segment_pairs;
    while (at != end) {
      const std::int64_t stop = end - at < depth.run_pairs ? end : at + depth.run_pairs;
      __m256i bytes[6][kHalves];
#pragma GCC unroll 6
      for (auto& pixel : bytes) {
        for (auto& half : pixel) half = _mm256_set1_epi8(static_cast<char>(depth.start));
      }
      do {
        __m256i w0 = load(weights), w1 = w0;
        if constexpr (kHalves == 2) w1 = load(weights + 32);
        keep_in_registers(w0, w1);
        const auto step = [&](auto& sum, const std::uint8_t* pixel) __attribute__((always_inline)) {
          if constexpr (kHalves == 2) {
            look_up(sum[0], sum[1], table_of(tables, pixel + at), w0, w1);
          } else {
            look_up(sum[0], table_of(tables, pixel + at), w0);
          }
        };
        step(bytes[0], p0);
        step(bytes[1], p1);
        step(bytes[2], p2);
        if constexpr (kPixels > 3) {
          step(bytes[3], p3);
          step(bytes[4], p4);
          step(bytes[5], p5);
        }
        weights += kHalves * 32;
      } while (++at != stop);
#pragma GCC unroll 6
      for (int i = 0; i < kPixels; ++i) {
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) {
          W2Sums& sum = sums[i * kHalves + h];
          sum.both = _mm256_add_epi16(sum.both, bytes[i][h]);
          sum.high = _mm256_add_epi16(sum.high, _mm256_srli_epi16(bytes[i][h], 8));
        }
      }
    }
  }
}

}  // namespace

void make_pair_tables(std::int32_t least, std::byte* table) {
  for (int pair = 0; pair < 16; ++pair) {
    for (int i = 0; i < 16; ++i) {
      const int sum = pair % 4 * (i % 4 + least) + pair / 4 * (i / 4 + least);
      table[16 * pair + i] = static_cast<std::byte>(sum);
    }
  }
}

W2TileFunction w2_tile(int halves, bool many) {
  if (halves == 1) return many ? tile<kW2Pixels, 1> : tile<kW2Pixels / 2, 1>;
  return many ? tile<kW2Pixels, 2> : tile<kW2Pixels / 2, 2>;
}

}  // namespace narrow::kernels::avx2
