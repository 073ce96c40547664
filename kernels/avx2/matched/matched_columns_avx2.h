// Windows of pixels as columns: what convolution_matched_16x4_avx2 multiplies, one vector for each step and 8 pixels.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
