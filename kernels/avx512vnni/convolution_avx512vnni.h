// The convolution kernels of this folder, which table_avx512vnni.cpp puts in order.
#pragma once

#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/vnni/tile_vnni.h"

namespace narrow::kernels::avx512vnni {

extern const ConvolutionKernel kConvolutionU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradS16 __attribute__((visibility("hidden")));

// The inner loops of kConvolutionU8: tiles of 1..most_pixels(vectors) pixels and 16 channels for each of 1..4 vectors.
[[nodiscard]] __attribute__((visibility("hidden"))) vnni::TileFunction tile_u8(std::int64_t vectors,
                                                                               std::int64_t pixels);
[[nodiscard]] __attribute__((visibility("hidden"))) std::int64_t most_pixels(std::int64_t vectors);

}  // namespace narrow::kernels::avx512vnni
