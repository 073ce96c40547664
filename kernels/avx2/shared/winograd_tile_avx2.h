// The inner loops of winograd_s16_4x4_avx2: matrix products of U and W, up to 6 tiles x 16 channels at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kWinogradTileRows = 6;

// Math: m[t] = sum over k of u[t][k] * w[k][c], plus what m[t] was if `adds`; modulo 2^32.
// Layout: rows of u are row_bytes apart, of which `u_bytes` (a multiple of 4, not 0) are summed; w: [pair of k]
//   [16 channels][2], int16; m: [t], channels in the order of Acc. w and m are 32-byte aligned.
// Ranges: no pair of products may exceed int32.
void multiply_winograd(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, std::int64_t rows,
                       const std::byte* w, bool adds, Acc* m);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
