// What convolution_matched_16x4_avx2 multiplies, the windows of pixels as columns, one vector for each step and 8
// pixels; and its inner loops: tiles of 16, 8 or 1 pixels x 4 channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Runs of bytes of each pixel's window: run s is the `segment_bytes` at offsets[s] behind the pixel's pointer.
struct ColumnDepth {
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;

  [[nodiscard]] std::int64_t steps() const { return segments * ((segment_bytes + 3) / 4); }
};

inline constexpr int kColumnPixels = 8;
inline constexpr std::int64_t kColumnBytes = 4 * kColumnPixels;
inline constexpr std::int64_t kColumnSlackBytes = 3 * 2 * kColumnBytes;

// Layout: columns [step][vectors][8 pixels][4 bytes], 32-byte aligned, vectors 1 or 2. Of fewer than 8 * vectors pixels
//   the last one is repeated. Up to 15 bytes behind a segment are read, and end up behind its last step or in its bytes
//   that face no weight; up to kColumnSlackBytes behind the columns are written.
void load_columns(const std::uint8_t* const* pixels, std::int64_t count, const ColumnDepth& depth, int vectors,
                  std::uint8_t* columns);

// One pixel's window, [step][4 bytes]. Up to 3 bytes behind a segment are read.
void load_window(const std::uint8_t* pixel, const ColumnDepth& depth, std::uint8_t* window);

// Math: uint8 outputs of the panel's 4 channels, see kernels/convolution.h.
// Layout: columns: those of load_columns; out [8 * vectors pixels][4 channels], 32-byte aligned.
void run_matched_tile(const std::uint8_t* columns, int vectors, std::int64_t steps, const std::byte* panel,
                      const OutputStage& stage, std::uint8_t* out);

// The same for one pixel. Layout: window [step][4 bytes]; out [4 channels].
void run_matched_pixel(const std::uint8_t* window, std::int64_t steps, const std::byte* panel, const OutputStage& stage,
                       std::uint8_t* out);

// Writes pixels of up to 4 panels next to each other. parts: [4 panels][16 pixels][4 channels], as run_matched_tile
// leaves them, 32-byte aligned; `channels` (1..16) of each of `pixels` (1..16) are stored. order[c]: where channel c is
// among the 16 of the panels.
void store_matched(const std::uint8_t* parts, int pixels, int channels, const std::uint8_t* order, std::ptrdiff_t out_c,
                   std::uint8_t* out);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
