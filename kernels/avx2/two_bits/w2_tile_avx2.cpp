// A step looks up 32 channels of a pair of inputs at once: one vpshufb and one vpaddb for 64 products, where vpmaddubsw
// and vpaddw take as many for 32. The table of a pair of inputs is loaded by its address, so the two inputs cost two
// loads for up to 64 channels.
#include "kernels/avx2/two_bits/w2_tile_avx2.h"

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// sums += table[w]. One asm statement, because g++ 12 moves sums to new registers in each step.
NARROW_INLINE void look_up(__m256i (&sums)[2], __m256i table, __m256i w0, __m256i w1) {
  __m256i products;
  __asm__ volatile(
      "vpshufb %[w0], %[table], %[products]\n\t"
      "vpshufb %[w1], %[table], %[table]\n\t"
      "vpaddb %[products], %[first], %[first]\n\t"
      "vpaddb %[table], %[second], %[second]"
      : [first] "+x"(sums[0]), [second] "+x"(sums[1]), [table] "+x"(table), [products] "=&x"(products)
      : [w0] "x"(w0), [w1] "x"(w1));
}
NARROW_INLINE void look_up(__m256i (&sums)[1], __m256i table, __m256i w, __m256i /*w1*/) {
  __asm__ volatile(
      "vpshufb %[w], %[table], %[table]\n\t"
      "vpaddb %[table], %[sum], %[sum]"
      : [sum] "+x"(sums[0]), [table] "+x"(table)
      : [w] "x"(w));
}

// The bytes of a tile's pixels.
template <int kPixels, int kHalves>
struct TileBytes {
  const std::uint8_t *p0, *p1, *p2, *p3, *p4, *p5;
  const std::byte* tables;
  __m256i bytes[6][kHalves];

  [[gnu::always_inline]] TileBytes(const std::uint8_t* const* pixels, const std::byte* pair_tables)
      : tables(pair_tables) {
    p0 = pixels[0];
    p1 = pixels[1];
    p2 = pixels[2];
    p3 = kPixels > 3 ? pixels[3] : p0;
    p4 = kPixels > 3 ? pixels[4] : p0;
    p5 = kPixels > 3 ? pixels[5] : p0;
  }

  [[gnu::always_inline]] void start(int byte) {
#pragma GCC unroll 6
    for (auto& pixel : bytes) {
      for (auto& half : pixel) half = _mm256_set1_epi8(static_cast<char>(byte));
    }
  }

  [[gnu::always_inline]] void add_pair(__m256i (&sums)[kHalves], const std::uint8_t* pair, __m256i w0, __m256i w1) {
    const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(tables + *pair));
    look_up(sums, _mm256_broadcastsi128_si256(table), w0, w1);
  }

  // Pairs [at, stop), at least one. Returns the weights after theirs.
  [[gnu::always_inline]] const std::byte* add(std::int64_t at, std::int64_t stop, const std::byte* weights) {
    do {
      __m256i w0 = load(weights), w1 = w0;
      if constexpr (kHalves == 2) w1 = load(weights + 32);
      keep_in_registers(w0, w1);
      add_pair(bytes[0], p0 + at, w0, w1);
      add_pair(bytes[1], p1 + at, w0, w1);
      add_pair(bytes[2], p2 + at, w0, w1);
      if constexpr (kPixels > 3) {
        add_pair(bytes[3], p3 + at, w0, w1);
        add_pair(bytes[4], p4 + at, w0, w1);
        add_pair(bytes[5], p5 + at, w0, w1);
      }
      weights += kHalves * 32;
    } while (++at != stop);
    return weights;
  }
};

template <int kPixels, int kHalves>
void tile(const std::uint8_t* const* pixels, const W2Depth& depth, const std::byte* weights, W2Sums* sums) {
  TileBytes<kPixels, kHalves> all(pixels, depth.table);
  // What runs begin with is taken away at the first.
  const std::int64_t starts = depth.runs() * depth.start;
  const auto word = [](std::int64_t value) { return _mm256_set1_epi16(static_cast<std::int16_t>(value)); };
  const W2Sums first{word(-257 * starts), word(-starts)};
  const W2Sums* before = &first;
  std::ptrdiff_t step = 0;  // of `before`
  for (std::int64_t s = 0; s < depth.segments; ++s) {
    std::int64_t at = depth.offsets[s];
    const std::int64_t end = at + depth.segment_pairs;
    while (at != end) {
      const std::int64_t stop = end - at < depth.run_pairs ? end : at + depth.run_pairs;
      all.start(depth.start);
      weights = all.add(at, stop, weights);
      at = stop;
#pragma GCC unroll 6
      for (int i = 0; i < kPixels; ++i) {
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) {
          const int to = i * kHalves + h;
          const W2Sums& from = before[to * step];
          sums[to] = {_mm256_add_epi16(from.both, all.bytes[i][h]),
                      _mm256_add_epi16(from.high, _mm256_srli_epi16(all.bytes[i][h], 8))};
        }
      }
      before = sums;
      step = 1;
    }
  }
}

template <int kPixels, int kHalves>
void byte_tile(const std::uint8_t* const* pixels, const W2Depth& depth, const std::byte* weights, __m256i* sums) {
  TileBytes<kPixels, kHalves> all(pixels, depth.table);
  all.start(depth.start - 128);
  for (std::int64_t s = 0; s < depth.segments; ++s) {
    weights = all.add(depth.offsets[s], depth.offsets[s] + depth.segment_pairs, weights);
  }
#pragma GCC unroll 6
  for (int i = 0; i < kPixels; ++i) {
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) sums[i * kHalves + h] = all.bytes[i][h];
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

W2ByteTileFunction w2_byte_tile(int halves, bool many) {
  if (halves == 1) return many ? byte_tile<kW2Pixels, 1> : byte_tile<kW2Pixels / 2, 1>;
  return many ? byte_tile<kW2Pixels, 2> : byte_tile<kW2Pixels / 2, 2>;
}

}  // namespace narrow::kernels::avx2
