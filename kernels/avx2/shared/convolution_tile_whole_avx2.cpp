// Tiles of up to 6 pixels x 16 channels whose whole sums stay within 16 bits: twelve vectors of sums, two of weights, x
// and a temporary are all 16 registers, and nothing is widened before the end.
#include "kernels/avx2/shared/convolution_tile_a16_avx2.h"
#include "kernels/avx2/shared/convolution_words_avx2.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx2 {
namespace {

// The panel's channels of one pixel in int32.
__attribute__((always_inline)) inline Acc widened(const std::byte* panel, const Acc& words) {
  Acc acc{load_words(panel), load_words(panel + 32)};
  widen(acc, words);
  return acc;
}

template <int kPixels>
__attribute__((noinline)) void tile(const std::uint8_t* const* pixels, const TileDepth& depth, const std::byte* panel,
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
  __m256i low = load_words(weights), high = load_words(weights + 32);
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
    low = load_words(weights);
    high = load_words(weights + 32);
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
