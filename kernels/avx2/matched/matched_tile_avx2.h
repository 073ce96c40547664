// The inner loops of convolution_matched_16x4_avx2: tiles of 16, 8 or 1 pixels x 4 channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Math: uint8 outputs of the panel's 4 channels, see kernels/convolution.h.
// Layout: columns: see matched_columns_avx2.h; out [8 * vectors pixels][4 channels], 32-byte aligned.
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
