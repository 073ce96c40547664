#include "kernels/avx2/matched/matched_tile_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// 16 bytes of two pixels, one in each half of the vector.
NARROW_INLINE __m256i load_two(const std::uint8_t* low, const std::uint8_t* high) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first), _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)),
                                 1);
}

// Four depth steps of 8 pixels: transposes 4x4 numbers of 32 bits in each half.
NARROW_INLINE void four_steps(const std::uint8_t* const* pixels, std::int64_t at, std::int64_t step_bytes,
                              std::uint8_t* to) {
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
    // Groups of four depth steps may cross the end of a segment. The next segment overwrites these depth steps.
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

namespace {

// As in convolution_tile_avx2.cpp, sums have names and stay in registers.

// One depth step of 8 or 16 pixels, or their sums of one channel. Each operation ends in registers. All 16 are in use:
// 8 sums, 4 vectors of pixels, 2 of products, 1 of weights and 1 temporary. Without this, g++ 12 would begin several
// operations at once.
template <int kVectors>
struct Pixels {
  __m256i a, b;

  NARROW_INLINE Pixels kept(__m256i a, __m256i b) {
    if constexpr (kVectors > 1) {
      __asm__ volatile("" : "+x"(a), "+x"(b));
      return {a, b};
    } else {
      __asm__ volatile("" : "+x"(a));
      return {a, a};
    }
  }
  NARROW_INLINE Pixels column(const std::uint8_t* columns, std::uint16_t place) {
    const std::uint8_t* const at = columns + std::int64_t{place} * (kVectors * kColumnBytes / 8);
    return kept(load(at), kVectors > 1 ? load(at + kColumnBytes) : __m256i{});
  }
  NARROW_INLINE Pixels products(Pixels x, const void* weights) {
    const __m256i w = broadcast4(weights);
    return {_mm256_maddubs_epi16(x.a, w), kVectors > 1 ? _mm256_maddubs_epi16(x.b, w) : x.b};
  }
  NARROW_INLINE Pixels add_products(Pixels words, Pixels x, const void* weights) {
    const __m256i w = broadcast4(weights);
    return {_mm256_add_epi16(words.a, _mm256_maddubs_epi16(x.a, w)),
            kVectors > 1 ? _mm256_add_epi16(words.b, _mm256_maddubs_epi16(x.b, w)) : x.b};
  }
  // Adds the two 16-bit lanes of each number. The vector of ones is in a register, or in memory where no register is
  // left.
  template <bool kOnesInMemory>
  NARROW_INLINE void widen(Pixels& acc, Pixels words) {
    acc.a = _mm256_add_epi32(acc.a, lanes_added<kOnesInMemory>(words.a));
    if constexpr (kVectors > 1) {
      acc.b = _mm256_add_epi32(acc.b, lanes_added<kOnesInMemory>(words.b));
      __asm__ volatile("" : "+x"(acc.a), "+x"(acc.b));
    } else {
      __asm__ volatile("" : "+x"(acc.a));
    }
  }

 private:
  template <bool kOnesInMemory>
  NARROW_INLINE __m256i lanes_added(__m256i words) {
    if constexpr (!kOnesInMemory) return _mm256_madd_epi16(words, _mm256_set1_epi16(1));
    __m256i sums;
    __asm__("vpmaddwd %2, %1, %0" : "=x"(sums) : "x"(words), "m"(kOnes));
    return sums;
  }
};

template <int kVectors, bool kResidualSum>
struct Tile {
  using P = Pixels<kVectors>;

  template <bool kOnesInMemory>
  NARROW_INLINE void pair(P& acc, P x, P y, const void* weights) {
    const auto* const second = static_cast<const std::byte*>(weights) + 4;
    P::template widen<kOnesInMemory>(acc, P::add_products(P::products(x, weights), y, second));
  }
  NARROW_INLINE void tails(P& acc, const std::uint8_t* columns, const TailPair& two, int channel) {
    pair<false>(acc, P::column(columns, two.places[channel][0]), P::column(columns, two.places[channel][1]),
                two.weights[channel]);
  }
  NARROW_INLINE P bias_of(std::int32_t bias) {
    const __m256i all = _mm256_set1_epi32(bias);
    return {all, all};
  }
  NARROW_INLINE __m256i rounded(const OutputStage& stage, __m256i acc, float multiplier) {
    return _mm256_cvtps_epi32(
        _mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_set1_ps(multiplier)), stage.upper));
  }
  // 8 pixels, see requantized() of convolution_output_avx2.h.
  NARROW_INLINE void store(const OutputStage& stage, const float* multiplier, __m256i c0, __m256i c1, __m256i c2,
                           __m256i c3, std::uint8_t* out) {
    const __m256i low = _mm256_packs_epi32(rounded(stage, c0, multiplier[0]), rounded(stage, c1, multiplier[1]));
    const __m256i high = _mm256_packs_epi32(rounded(stage, c2, multiplier[2]), rounded(stage, c3, multiplier[3]));
    pack(stage, low, high, out);
  }
  NARROW_INLINE void pack(const OutputStage& stage, __m256i low, __m256i high, std::uint8_t* out) {
    const __m256i bytes = _mm256_max_epu8(
        _mm256_packus_epi16(_mm256_adds_epi16(low, stage.zero_point), _mm256_adds_epi16(high, stage.zero_point)),
        stage.lower);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out), transpose_pixels(bytes));
  }
  // [4 channels][4 pixels] of each half to [4 pixels][4 channels], and back.
  NARROW_INLINE __m256i transpose_pixels(__m256i bytes) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm256_shuffle_epi8(bytes, order);
  }

  // residual: the 8 pixels of a channel in the lower 8 bytes.
  NARROW_INLINE __m256i rounded_sum(const OutputStage& stage, __m256i acc, float multiplier, __m128i residual) {
    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_set1_ps(multiplier));
    return _mm256_cvtps_epi32(residual_sum(stage, product, _mm256_cvtepu8_epi32(residual)));
  }
  NARROW_INLINE void store_sums(const OutputStage& stage, const float* multiplier, __m256i c0, __m256i c1, __m256i c2,
                                __m256i c3, const std::uint8_t* residual, std::uint8_t* out) {
    // [4 channels][8 pixels].
    const __m256i all =
        _mm256_permutevar8x32_epi32(transpose_pixels(load(residual)), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m128i r01 = _mm256_castsi256_si128(all);
    const __m128i r23 = _mm256_extracti128_si256(all, 1);
    const __m256i low = _mm256_packs_epi32(rounded_sum(stage, c0, multiplier[0], r01),
                                           rounded_sum(stage, c1, multiplier[1], _mm_unpackhi_epi64(r01, r01)));
    const __m256i high = _mm256_packs_epi32(rounded_sum(stage, c2, multiplier[2], r23),
                                            rounded_sum(stage, c3, multiplier[3], _mm_unpackhi_epi64(r23, r23)));
    pack(stage, low, high, out);
  }

  [[gnu::noinline]] static void run(const std::uint8_t* columns, std::int64_t steps, const std::byte* panel,
                                    const OutputStage& stage, const std::uint8_t* residual, std::uint8_t* out) {
    const PanelHead& head = *reinterpret_cast<const PanelHead*>(panel);
    const std::uint16_t* place = reinterpret_cast<const std::uint16_t*>(panel + kPanelHeadSize);
    const PanelParts parts(steps, head.tail_pairs);
    const std::byte* weights = panel + parts.weights;
    P c0 = bias_of(head.bias[0]), c1 = bias_of(head.bias[1]), c2 = bias_of(head.bias[2]), c3 = bias_of(head.bias[3]);
    for (std::int32_t i = head.pairs; i > 0; --i, place += 2, weights += 32) {
      const P x = P::column(columns, place[0]);
      const P y = P::column(columns, place[1]);
      pair<true>(c0, x, y, weights);
      pair<true>(c1, x, y, weights + 8);
      pair<true>(c2, x, y, weights + 16);
      pair<true>(c3, x, y, weights + 24);
    }
    for (std::int32_t i = head.singles; i > 0; --i, ++place, weights += 16) {
      const P x = P::column(columns, *place);
      P::template widen<false>(c0, P::products(x, weights));
      P::template widen<false>(c1, P::products(x, weights + 4));
      P::template widen<false>(c2, P::products(x, weights + 8));
      P::template widen<false>(c3, P::products(x, weights + 12));
    }
    const TailPair* tail = reinterpret_cast<const TailPair*>(panel + parts.tails);
    for (std::int32_t i = head.tail_pairs; i > 0; --i, ++tail) {
      tails(c0, columns, *tail, 0);
      tails(c1, columns, *tail, 1);
      tails(c2, columns, *tail, 2);
      tails(c3, columns, *tail, 3);
    }
    if constexpr (kResidualSum) {
      store_sums(stage, head.multiplier, c0.a, c1.a, c2.a, c3.a, residual, out);
      if constexpr (kVectors > 1) {
        store_sums(stage, head.multiplier, c0.b, c1.b, c2.b, c3.b, residual + kColumnBytes, out + kColumnBytes);
      }
    } else {
      store(stage, head.multiplier, c0.a, c1.a, c2.a, c3.a, out);
      if constexpr (kVectors > 1) store(stage, head.multiplier, c0.b, c1.b, c2.b, c3.b, out + kColumnBytes);
    }
  }
};

// 8 pixels of 4 panels, from [panel][pixel] to [pixel][panel].
NARROW_INLINE void transpose(const std::uint8_t* parts, std::int64_t part_bytes, __m128i* pixels) {
  const __m256i r0 = load(parts);
  const __m256i r1 = load(parts + part_bytes);
  const __m256i r2 = load(parts + 2 * part_bytes);
  const __m256i r3 = load(parts + 3 * part_bytes);
  const __m256i low01 = _mm256_unpacklo_epi32(r0, r1);
  const __m256i low23 = _mm256_unpacklo_epi32(r2, r3);
  const __m256i high01 = _mm256_unpackhi_epi32(r0, r1);
  const __m256i high23 = _mm256_unpackhi_epi32(r2, r3);
  const auto put = [&](int pixel, __m256i two) {
    pixels[pixel] = _mm256_castsi256_si128(two);
    pixels[pixel + 4] = _mm256_extracti128_si256(two, 1);
  };
  put(0, _mm256_unpacklo_epi64(low01, low23));
  put(1, _mm256_unpackhi_epi64(low01, low23));
  put(2, _mm256_unpacklo_epi64(high01, high23));
  put(3, _mm256_unpackhi_epi64(high01, high23));
}

}  // namespace

void run_matched_tile(const std::uint8_t* columns, int vectors, std::int64_t steps, const std::byte* panel,
                      const OutputStage& stage, const std::uint8_t* residual, std::uint8_t* out) {
  const auto run = residual == nullptr ? (vectors == 1 ? Tile<1, false>::run : Tile<2, false>::run)
                                       : (vectors == 1 ? Tile<1, true>::run : Tile<2, true>::run);
  run(columns, steps, panel, stage, residual, out);
}

void store_matched(const std::uint8_t* parts, int pixels, int channels, const std::uint8_t* order, std::ptrdiff_t out_c,
                   std::uint8_t* out) {
  constexpr std::int64_t kPartBytes = 2 * kColumnBytes;
  const __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(order));
  for (int first = 0; first < pixels; first += kColumnPixels) {
    __m128i rows[kColumnPixels];
    transpose(parts + std::int64_t{first} * kMatchedChannels, kPartBytes, rows);
    const int count = pixels - first < kColumnPixels ? pixels - first : kColumnPixels;
    for (int i = 0; i < count; ++i, out += out_c) {
      const __m128i row = _mm_shuffle_epi8(rows[i], places);
      if (channels == 16) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), row);
      } else {
        store_part(row, channels, out);
      }
    }
  }
}

void load_matched(const std::uint8_t* from, int pixels, int channels, const std::uint8_t* order, std::ptrdiff_t out_c,
                  std::uint8_t* parts) {
  constexpr std::int64_t kPartBytes = 2 * kColumnBytes;
  alignas(16) std::uint8_t places[16];
  std::memset(places, 0x80, sizeof places);
  for (int c = 0; c < channels; ++c) places[order[c]] = static_cast<std::uint8_t>(c);
  const __m128i to = _mm_load_si128(reinterpret_cast<const __m128i*>(places));
  for (int i = 0; i < pixels; ++i, from += out_c, parts += kMatchedChannels) {
    const __m128i row =
        channels == 16 ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)) : load_part(from, channels);
    const __m128i placed = _mm_shuffle_epi8(row, to);
    _mm_storeu_si32(parts, placed);
    _mm_storeu_si32(parts + kPartBytes, _mm_shuffle_epi32(placed, 1));
    _mm_storeu_si32(parts + 2 * kPartBytes, _mm_shuffle_epi32(placed, 2));
    _mm_storeu_si32(parts + 3 * kPartBytes, _mm_shuffle_epi32(placed, 3));
  }
}

// Computes one pixel. Vectors hold depth steps and channels of the panel, so every lane is used.
void run_matched_pixel(const std::uint8_t* window, std::int64_t steps, const std::byte* panel, const OutputStage& stage,
                       const std::uint8_t* residual, std::uint8_t* out) {
  const PanelHead& head = *reinterpret_cast<const PanelHead*>(panel);
  const std::uint16_t* place = reinterpret_cast<const std::uint16_t*>(panel + kPanelHeadSize);
  const PanelParts parts(steps, head.tail_pairs);
  const std::byte* weights = panel + parts.weights;
  const __m256i ones = _mm256_set1_epi16(1);
  const auto step = [&](std::uint16_t at) {
    std::int32_t four;
    std::memcpy(&four, window + at / 2, sizeof four);
    return four;
  };
  const auto add = [&](__m256i& acc, __m256i x, const void* w) {
    const __m256i products = _mm256_maddubs_epi16(x, _mm256_loadu_si256(static_cast<const __m256i*>(w)));
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(products, ones));
  };
  __m256i acc = _mm256_setzero_si256();  // [4 channels][2 steps]
  for (std::int32_t i = head.pairs; i > 0; --i, place += 2, weights += 32) {
    add(acc, _mm256_broadcastq_epi64(_mm_insert_epi32(_mm_cvtsi32_si128(step(place[0])), step(place[1]), 1)), weights);
  }
  __m128i sums = _mm_loadu_si128(reinterpret_cast<const __m128i*>(head.bias));
  for (std::int32_t i = head.singles; i > 0; --i, ++place, weights += 16) {
    const __m128i products =
        _mm_maddubs_epi16(_mm_set1_epi32(step(*place)), _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights)));
    sums = _mm_add_epi32(sums, _mm_madd_epi16(products, _mm256_castsi256_si128(ones)));
  }
  const TailPair* tail = reinterpret_cast<const TailPair*>(panel + parts.tails);
  for (std::int32_t i = head.tail_pairs; i > 0; --i, ++tail) {
    const auto& at = tail->places;
    add(acc,
        _mm256_setr_epi32(step(at[0][0]), step(at[0][1]), step(at[1][0]), step(at[1][1]), step(at[2][0]),
                          step(at[2][1]), step(at[3][0]), step(at[3][1])),
        tail->weights);
  }
  const __m128i both = _mm_hadd_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
  __m128 scaled = _mm_mul_ps(_mm_cvtepi32_ps(_mm_add_epi32(sums, both)), _mm_loadu_ps(head.multiplier));
  if (residual != nullptr) {
    const __m256i other = _mm256_cvtepu8_epi32(_mm_loadu_si32(residual));
    scaled = _mm256_castps256_ps128(residual_sum(stage, _mm256_castps128_ps256(scaled), other));
  }
  const __m128i rounded = _mm_cvtps_epi32(_mm_min_ps(scaled, _mm256_castps256_ps128(stage.upper)));
  const __m128i words = _mm_adds_epi16(_mm_packs_epi32(rounded, rounded), _mm256_castsi256_si128(stage.zero_point));
  const int bytes =
      _mm_cvtsi128_si32(_mm_max_epu8(_mm_packus_epi16(words, words), _mm256_castsi256_si128(stage.lower)));
  std::memcpy(out, &bytes, sizeof bytes);
}

}  // namespace narrow::kernels::avx2
