// The costs of the kernels for AMX. They were counted, not measured: no CPU with AMX was there. One multiplication of
// registers starts every 16 cycles (Intel, Optimization Reference Manual, chapter on AMX), and a load of a register
// occupies both load units for 8. Other numbers are those of convolution_u8_avx512vnni in zen5.h, which Intel's servers
// use. Nothing is assumed to happen at the same time, which is more than a CPU will take. So a layer where AMX is a
// little faster may stay with AVX512-VNNI.
// Only sessions for AMX read them. There is no table for each core, so NARROW_CORE has no influence on them.
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

// input: 16 stores of copied pixels and a load. sums: a load of biases and 16 stores.
constexpr TileRegisters kConvolutionU8Amx{
    .product = 16, .input = 24, .weights = 8, .sums = 24, .store = 2, .copy = 2, .window = 1, .call = 100};

}  // namespace narrow::kernels::costs
