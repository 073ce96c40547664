// Tiles of 3 pixels x 16 channels use all 16 registers: 6 vectors of int16 sums, 6 of int32 sums, 2 of weights and 2
// temporaries. A larger tile would keep its int32 sums in memory and would not be faster, because a core can do one
// load for each product.
// Tiles of up to 6 pixels x 16 channels are for whole sums within 16 bits. They widen only at the end. They use all 16
// registers as well: 12 vectors of sums, 2 of weights, 1 of x and 1 temporary.
#include "kernels/avx2/shared/convolution_tile_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kWeightBytes = 64;  // weights of 4 bytes of x

// The first depth step of a run: words = x * w.
NARROW_INLINE void begin(Acc& words, __m256i x, __m256i low, __m256i high) {
  words.low = _mm256_maddubs_epi16(x, low);
  words.high = _mm256_maddubs_epi16(x, high);
  keep_in_registers(words);
}

// Any other depth step: words += x * w. It is one asm statement of four instructions, because g++ 12 moves sums to a
// new register in each depth step and copies them back at the end of the loop.
NARROW_INLINE void add(Acc& words, __m256i x, __m256i low, __m256i high) {
  __m256i product;
  __asm__ volatile(
      "vpmaddubsw %[w_low], %[x], %[product]\n\t"
      "vpmaddubsw %[w_high], %[x], %[x]\n\t"
      "vpaddw %[product], %[low], %[low]\n\t"
      "vpaddw %[x], %[high], %[high]"
      : [low] "+x"(words.low), [high] "+x"(words.high), [x] "+x"(x), [product] "=&x"(product)
      : [w_low] "x"(low), [w_high] "x"(high));
}

// The end of a run. The vector of ones is in memory, because no register is left for it.
NARROW_INLINE void widen(Acc& acc, const Acc& words) {
  const std::int16_t* ones = kOnes;
  __asm__ volatile("" : "+r"(ones));
  acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(words.low, load(ones)));
  acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(words.high, load(ones)));
  keep_in_registers(acc);
}

// One accumulation run of `steps` >= 1 with sums in memory: for long runs and for the rest of a segment.
template <int kPixels>
[[gnu::noinline]] void add_window(const std::uint8_t* p0, const std::uint8_t* p1, const std::uint8_t* p2,
                                  const std::byte* weights, std::int64_t steps, Acc* acc) {
  Acc w0, w1, w2;
  __m256i low = load(weights), high = load(weights + 32);
  keep_in_registers(low, high);
  begin(w0, broadcast4(p0), low, high);
  if constexpr (kPixels > 1) begin(w1, broadcast4(p1), low, high);
  if constexpr (kPixels > 2) begin(w2, broadcast4(p2), low, high);
  for (std::int64_t at = kXBytes; at != steps * kXBytes; at += kXBytes) {
    weights += kWeightBytes;
    prefetch_weights(weights);
    low = load(weights);
    high = load(weights + 32);
    keep_in_registers(low, high);
    add(w0, broadcast4(p0 + at), low, high);
    if constexpr (kPixels > 1) add(w1, broadcast4(p1 + at), low, high);
    if constexpr (kPixels > 2) add(w2, broadcast4(p2 + at), low, high);
  }
  widen(acc[0], w0);
  if constexpr (kPixels > 1) widen(acc[1], w1);
  if constexpr (kPixels > 2) widen(acc[2], w2);
}

template <int kPixels>
void tile_long(const std::uint8_t* const* pixels, const TileDepth& depth, std::int64_t run_steps,
               const std::byte* panel, Acc* acc) {
  const Acc bias{load(panel), load(panel + 32)};
  for (int i = 0; i < kPixels; ++i) acc[i] = bias;
  const std::uint8_t* const p0 = pixels[0] + depth.shift;
  const std::uint8_t* const p1 = kPixels > 1 ? pixels[1] + depth.shift : p0;
  const std::uint8_t* const p2 = kPixels > 2 ? pixels[2] + depth.shift : p0;
  const std::byte* weights = panel + kPanelHeadBytes;
  for (std::int64_t s = 0; s < depth.segments; ++s) {
    std::int64_t at = depth.offsets[s];
    std::int64_t left = depth.segment_bytes / kXBytes;
    while (left > 0) {
      const std::int64_t steps = left < run_steps ? left : run_steps;
      add_window<kPixels>(p0 + at, p1 + at, p2 + at, weights, steps, acc);
      at += steps * kXBytes;
      weights += steps * kWeightBytes;
      left -= steps;
    }
  }
}

// Runs of kSteps, unrolled. Sums in 16 and in 32 bits are in registers.
template <int kPixels, int kSteps>
[[gnu::noinline]] void tile_short(const std::uint8_t* const* pixels, const TileDepth& depth, std::int64_t /*run_steps*/,
                                  const std::byte* panel, Acc* acc) {
  const std::uint8_t* const p0 = pixels[0] + depth.shift;
  const std::uint8_t* const p1 = kPixels > 1 ? pixels[1] + depth.shift : p0;
  const std::uint8_t* const p2 = kPixels > 2 ? pixels[2] + depth.shift : p0;
  Acc a0{load(panel), load(panel + 32)};
  Acc a1 = a0, a2 = a0;
  const std::byte* weights = panel + kPanelHeadBytes;
  const std::int64_t* offset = depth.offsets;
  const std::int64_t* const last = offset + depth.segments;
  const std::int64_t whole_bytes = depth.segment_bytes / (kSteps * kXBytes) * (kSteps * kXBytes);
  const std::int64_t steps_left = (depth.segment_bytes - whole_bytes) / kXBytes;
  do {
    std::int64_t at = *offset++;
    const std::int64_t end = at + whole_bytes;
    for (; at != end; at += kSteps * kXBytes, weights += kSteps * kWeightBytes) {
      Acc w0, w1, w2;
      __m256i low = load(weights), high = load(weights + 32);
      keep_in_registers(low, high);
      begin(w0, broadcast4(p0 + at), low, high);
      if constexpr (kPixels > 1) begin(w1, broadcast4(p1 + at), low, high);
      if constexpr (kPixels > 2) begin(w2, broadcast4(p2 + at), low, high);
      // Not inlined, it would move the sums to the stack.
      const auto step = [&](std::int64_t i) __attribute__((always_inline)) {
        prefetch_weights(weights + i * kWeightBytes);
        low = load(weights + i * kWeightBytes);
        high = load(weights + i * kWeightBytes + 32);
        keep_in_registers(low, high);
        add(w0, broadcast4(p0 + at + i * kXBytes), low, high);
        if constexpr (kPixels > 1) add(w1, broadcast4(p1 + at + i * kXBytes), low, high);
        if constexpr (kPixels > 2) add(w2, broadcast4(p2 + at + i * kXBytes), low, high);
      };
      // Tiles of few pixels are rare. Unrolling all of their runs would take 4 KB.
      constexpr int kUnrolled = kPixels < 3 ? 4 : 16;
#pragma GCC unroll 16
      for (int i = 1; i < kSteps && i < kUnrolled; ++i) step(i);
#pragma GCC unroll 1
      for (int i = kUnrolled; i < kSteps; ++i) step(i);
      widen(a0, w0);
      if constexpr (kPixels > 1) widen(a1, w1);
      if constexpr (kPixels > 2) widen(a2, w2);
    }
    if (steps_left != 0) {
      acc[0] = a0;
      if constexpr (kPixels > 1) acc[1] = a1;
      if constexpr (kPixels > 2) acc[2] = a2;
      add_window<kPixels>(p0 + at, p1 + at, p2 + at, weights, steps_left, acc);
      weights += steps_left * kWeightBytes;
      a0 = acc[0];
      if constexpr (kPixels > 1) a1 = acc[1];
      if constexpr (kPixels > 2) a2 = acc[2];
    }
  } while (offset != last);
  acc[0] = a0;
  if constexpr (kPixels > 1) acc[1] = a1;
  if constexpr (kPixels > 2) acc[2] = a2;
}

template <int kPixels>
A16TileFunction tile_for(std::int64_t run_steps) {
  static constexpr A16TileFunction kShort[] = {
      tile_short<kPixels, 2>, tile_short<kPixels, 3>,  tile_short<kPixels, 4>,
      tile_short<kPixels, 5>, tile_short<kPixels, 6>,  tile_short<kPixels, 7>,
      tile_short<kPixels, 8>, tile_short<kPixels, 12>, tile_short<kPixels, 16>};
  if (run_steps <= 8) return kShort[run_steps - 2];
  if (run_steps == 12) return kShort[7];
  return run_steps == 16 ? kShort[8] : tile_long<kPixels>;
}

}  // namespace

Acc narrow_tile_a16(const std::uint8_t* pixel, const TileDepth& depth, std::int64_t run_steps, const std::byte* panel,
                    const WeightStorage& storage) {
  const NarrowUnits units = narrow_units(storage);
  Acc acc{load(panel), load(panel + 32)};
  const std::byte* weights = panel + kPanelHeadBytes;
  for (std::int64_t s = 0; s < depth.segments; ++s) {
    const std::uint8_t* x = pixel + depth.shift + depth.offsets[s];
    for (std::int64_t left = depth.segment_bytes / kXBytes; left > 0; left -= run_steps) {
      Acc words{};
      for (std::int64_t step = left < run_steps ? left : run_steps; step > 0; --step) {
        prefetch_weights(weights);
        const __m256i four = broadcast4(x);
        words.low = _mm256_add_epi16(words.low, _mm256_maddubs_epi16(four, widened(units, weights)));
        words.high = _mm256_add_epi16(words.high, _mm256_maddubs_epi16(four, widened(units, weights + units.bytes)));
        weights += 2 * units.bytes;
        x += kXBytes;
      }
      widen(acc, words);
    }
  }
  return acc;
}

A16TileFunction tile_a16(int pixels, std::int64_t run_steps) {
  if (pixels == 1) return tile_for<1>(run_steps);
  return pixels == 2 ? tile_for<2>(run_steps) : tile_for<3>(run_steps);
}

namespace {

// The int32 sums of one pixel and the panel's channels.
NARROW_INLINE Acc widened(const std::byte* panel, const Acc& words) {
  Acc acc{load(panel), load(panel + 32)};
  widen(acc, words);
  return acc;
}

template <int kPixels>
[[gnu::noinline]] void tile(const std::uint8_t* const* pixels, const TileDepth& depth, const std::byte* panel,
                            const OutputStage& stage, std::uint8_t* out, Acc* acc) {
  const std::int64_t shift = depth.offsets[0] + depth.shift;
  const std::uint8_t* const p0 = pixels[0] + shift;
  const std::uint8_t* const p1 = kPixels > 1 ? pixels[1] + shift : p0;
  const std::uint8_t* const p2 = kPixels > 2 ? pixels[2] + shift : p0;
  const std::uint8_t* const p3 = kPixels > 3 ? pixels[3] + shift : p0;
  const std::uint8_t* const p4 = kPixels > 4 ? pixels[4] + shift : p0;
  const std::uint8_t* const p5 = kPixels > 5 ? pixels[5] + shift : p0;
  const std::byte* weights = panel + kPanelHeadBytes;
  Acc w0, w1, w2, w3, w4, w5;
  __m256i low = load(weights), high = load(weights + 32);
  keep_in_registers(low, high);
  begin(w0, broadcast4(p0), low, high);
  if constexpr (kPixels > 1) begin(w1, broadcast4(p1), low, high);
  if constexpr (kPixels > 2) begin(w2, broadcast4(p2), low, high);
  if constexpr (kPixels > 3) begin(w3, broadcast4(p3), low, high);
  if constexpr (kPixels > 4) begin(w4, broadcast4(p4), low, high);
  if constexpr (kPixels > 5) begin(w5, broadcast4(p5), low, high);
  const std::int64_t end = depth.segment_bytes;
  for (std::int64_t at = kXBytes; at != end; at += kXBytes) {
    weights += kWeightBytes;
    prefetch_weights(weights);
    low = load(weights);
    high = load(weights + 32);
    keep_in_registers(low, high);
    add(w0, broadcast4(p0 + at), low, high);
    if constexpr (kPixels > 1) add(w1, broadcast4(p1 + at), low, high);
    if constexpr (kPixels > 2) add(w2, broadcast4(p2 + at), low, high);
    if constexpr (kPixels > 3) add(w3, broadcast4(p3 + at), low, high);
    if constexpr (kPixels > 4) add(w4, broadcast4(p4 + at), low, high);
    if constexpr (kPixels > 5) add(w5, broadcast4(p5 + at), low, high);
  }
  if (out == nullptr) {
    acc[0] = widened(panel, w0);
    if constexpr (kPixels > 1) acc[1] = widened(panel, w1);
    if constexpr (kPixels > 2) acc[2] = widened(panel, w2);
    if constexpr (kPixels > 3) acc[3] = widened(panel, w3);
    if constexpr (kPixels > 4) acc[4] = widened(panel, w4);
    if constexpr (kPixels > 5) acc[5] = widened(panel, w5);
    return;
  }
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  const std::ptrdiff_t out_c = stage.out_c;
  if constexpr (kPixels == 1) store_pixel(stage, widened(panel, w0), multiplier, out);
  if constexpr (kPixels > 1) store_pixels(stage, widened(panel, w0), widened(panel, w1), multiplier, out);
  if constexpr (kPixels == 3) store_pixel(stage, widened(panel, w2), multiplier, out + 2 * out_c);
  if constexpr (kPixels > 3) {
    store_pixels(stage, widened(panel, w2), widened(panel, w3), multiplier, out + 2 * out_c);
  }
  if constexpr (kPixels == 5) store_pixel(stage, widened(panel, w4), multiplier, out + 4 * out_c);
  if constexpr (kPixels > 5) {
    store_pixels(stage, widened(panel, w4), widened(panel, w5), multiplier, out + 4 * out_c);
  }
}

}  // namespace

const TileFunction* tiles_a16_whole() {
  static constexpr TileFunction kTiles[kTilePixels] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};
  return kTiles;
}

}  // namespace narrow::kernels::avx2
