// The columns and inner loops of convolution_matched_16x4_avx2. A column holds one depth step of 8 pixels' windows in
// one vector. Tiles are 16, 8 or 1 pixels x 4 channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The segments of each pixel's window: segment s is `segment_bytes` bytes, offsets[s] bytes after the pixel's pointer.
struct ColumnDepth {
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;

  [[nodiscard]] std::int64_t steps() const { return segments * ((segment_bytes + 3) / 4); }
};

inline constexpr int kColumnPixels = 8;
inline constexpr std::int64_t kColumnBytes = 4 * kColumnPixels;
inline constexpr std::int64_t kColumnSlackBytes = 3 * 2 * kColumnBytes;

// Layout: columns [step][vectors][8 pixels][4 bytes], 32-byte aligned; `vectors` is 1 or 2. If there are fewer than 8 *
// vectors pixels, the last one is repeated. Up to 15 bytes after a segment are read. They are written after its last
// depth step or are multiplied by weights of 0. Up to kColumnSlackBytes after the columns are written.
void load_columns(const std::uint8_t* const* pixels, std::int64_t count, const ColumnDepth& depth, int vectors,
                  std::uint8_t* columns);

// One pixel's window, [step][4 bytes]. Up to 3 bytes after a segment are read.
void load_window(const std::uint8_t* pixel, const ColumnDepth& depth, std::uint8_t* window);

// Math: uint8 outputs of the panel's 4 channels, see kernels/convolution.h. They are residual sums unless `residual`
// is nullptr.
// Layout: columns: those of load_columns; out and residual [8 * vectors pixels][4 channels], 32-byte aligned.
void run_matched_tile(const std::uint8_t* columns, int vectors, std::int64_t steps, const std::byte* panel,
                      const OutputStage& stage, const std::uint8_t* residual, std::uint8_t* out);

// The same for one pixel. Layout: window [step][4 bytes]; out and residual [4 channels].
void run_matched_pixel(const std::uint8_t* window, std::int64_t steps, const std::byte* panel, const OutputStage& stage,
                       const std::uint8_t* residual, std::uint8_t* out);

// The inverse of store_matched: loads `channels` of each of `pixels` into `parts`. Other channels of these pixels
// become 0.
void load_matched(const std::uint8_t* from, int pixels, int channels, const std::uint8_t* order, std::ptrdiff_t out_c,
                  std::uint8_t* parts);

// Stores the pixels of up to 4 panels next to each other. `parts` is [4 panels][16 pixels][4 channels] as
// run_matched_tile writes them, 32-byte aligned. For each of `pixels` (1 to 16), `channels` (1 to 16) are stored.
// order[c] is the index of channel c among the 16 of the panels.
void store_matched(const std::uint8_t* parts, int pixels, int channels, const std::uint8_t* order, std::ptrdiff_t out_c,
                   std::uint8_t* out);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
