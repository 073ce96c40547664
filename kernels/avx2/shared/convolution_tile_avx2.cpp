#include "kernels/avx2/shared/convolution_tile_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"

// Accumulators have names, and each tile size has a function of its own with few live pointers. Otherwise g++ 12 moves
// an array of accumulators to the stack.
namespace narrow::kernels::avx2 {
namespace {

// Both halves are in registers, and depth steps keep this order. All 16 registers are in use: 12 accumulators, 2
// vectors of weights and 2 temporaries. Otherwise g++ 12 would broadcast several pixels at once and spill.
NARROW_INLINE __m256i load_widened(const std::byte* aligned) {
  return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(aligned)));
}

// Weights are int16, or int8 that each load widens. The latter takes 5 % more time if all weights are in the cache.
template <typename Weight>
struct S16 {
  static constexpr int kWeightBytes = 32 * sizeof(Weight);  // weights of 4 bytes of x

  NARROW_INLINE __m256i low(const std::byte* weights) {
    return sizeof(Weight) == 2 ? load(weights) : load_widened(weights);
  }
  NARROW_INLINE void step(Acc& acc, __m256i x, __m256i low, const std::byte* weights) {
    const __m256i high = sizeof(Weight) == 2 ? load(weights + 32) : load_widened(weights + 16);
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(x, low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(x, high));
    keep_in_registers(acc);
  }
};

struct U8 {
  static constexpr int kWeightBytes = 64;

  NARROW_INLINE __m256i low(const std::byte* weights) { return load(weights); }
  // The vector of ones takes a register. Therefore the second vector of weights is an operand in memory that is loaded
  // for each pixel.
  NARROW_INLINE void step(Acc& acc, __m256i x, __m256i low, const std::byte* weights) {
    const __m256i ones = _mm256_set1_epi16(1);
    __asm__ volatile("" : "+r"(weights));
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(_mm256_maddubs_epi16(x, low), ones));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(_mm256_maddubs_epi16(x, load(weights + 32)), ones));
    keep_in_registers(acc);
  }
};

NARROW_INLINE Acc bias_of(const std::byte* panel) { return {load(panel), load(panel + 32)}; }

template <typename Step, int kPixels>
[[gnu::noinline]] void tile(const std::uint8_t* const* pixels, const TileDepth& depth, const std::byte* panel,
                            const OutputStage& stage, std::uint8_t* out, Acc* acc) {
  const std::uint8_t* p0 = pixels[0] + depth.shift;
  const std::uint8_t* p1 = kPixels > 1 ? pixels[1] + depth.shift : p0;
  const std::uint8_t* p2 = kPixels > 2 ? pixels[2] + depth.shift : p0;
  const std::uint8_t* p3 = kPixels > 3 ? pixels[3] + depth.shift : p0;
  const std::uint8_t* p4 = kPixels > 4 ? pixels[4] + depth.shift : p0;
  const std::uint8_t* p5 = kPixels > 5 ? pixels[5] + depth.shift : p0;
  Acc a0 = bias_of(panel);
  Acc a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
  const std::byte* weights = panel + kPanelHeadBytes;
  const std::int64_t* offset = depth.offsets;
  const std::int64_t* const last = offset + depth.segments;
  const std::int64_t segment_bytes = depth.segment_bytes;
  do {
    std::int64_t at = *offset++;
    const std::int64_t end = at + segment_bytes;
    do {
      prefetch_weights(weights);
      const __m256i low = Step::low(weights);
      Step::step(a0, broadcast4(p0 + at), low, weights);
      if constexpr (kPixels > 1) Step::step(a1, broadcast4(p1 + at), low, weights);
      if constexpr (kPixels > 2) Step::step(a2, broadcast4(p2 + at), low, weights);
      if constexpr (kPixels > 3) Step::step(a3, broadcast4(p3 + at), low, weights);
      if constexpr (kPixels > 4) Step::step(a4, broadcast4(p4 + at), low, weights);
      if constexpr (kPixels > 5) Step::step(a5, broadcast4(p5 + at), low, weights);
      weights += Step::kWeightBytes;
      at += 4;
    } while (at != end);
  } while (offset != last);
  if (out == nullptr) {
    acc[0] = a0;
    if constexpr (kPixels > 1) acc[1] = a1;
    if constexpr (kPixels > 2) acc[2] = a2;
    if constexpr (kPixels > 3) acc[3] = a3;
    if constexpr (kPixels > 4) acc[4] = a4;
    if constexpr (kPixels > 5) acc[5] = a5;
    return;
  }
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  const std::ptrdiff_t out_c = stage.out_c;
  if constexpr (kPixels == 1) store_pixel(stage, a0, multiplier, out);
  if constexpr (kPixels > 1) store_pixels(stage, a0, a1, multiplier, out);
  if constexpr (kPixels == 3) store_pixel(stage, a2, multiplier, out + 2 * out_c);
  if constexpr (kPixels > 3) store_pixels(stage, a2, a3, multiplier, out + 2 * out_c);
  if constexpr (kPixels == 5) store_pixel(stage, a4, multiplier, out + 4 * out_c);
  if constexpr (kPixels > 5) store_pixels(stage, a4, a5, multiplier, out + 4 * out_c);
}

template <typename Step>
constexpr TileFunction kTiles[kTilePixels] = {tile<Step, 1>, tile<Step, 2>, tile<Step, 3>,
                                              tile<Step, 4>, tile<Step, 5>, tile<Step, 6>};

}  // namespace

const TileFunction* tiles_s16() { return kTiles<S16<std::int16_t>>; }
const TileFunction* tiles_s16_bytes() { return kTiles<S16<std::int8_t>>; }
const TileFunction* tiles_u8() { return kTiles<U8>; }

}  // namespace narrow::kernels::avx2
