// Filling the lines of depthwise_lines_avx2.h with pairs of rows.
#pragma once

#include "kernels/avx2/shared/depthwise_lines_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// A pixel is bytes (upper, lower) of lanes 0..15 of a panel.
void interleave_bytes(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                      std::int64_t panel_step);
// A pixel is words (upper, lower) of lanes 0-3, 8-11, then 4-7, 12-15.
void interleave_words(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                      std::int64_t panel_step);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
