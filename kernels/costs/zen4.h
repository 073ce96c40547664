// Zen 4: found by hand with `convolution_bench` on one core, when each kernel was written. The measurements were not
// kept.
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

constexpr Table kZen4{
    .scalar_product = 4,
    .convolution_u8_6x16_avx2 = {.step = 2.0, .tile = 8, .load = 2},
    .convolution_s16_6x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .convolution_a16_3x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .accumulation_runs = {.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5},
    .convolution_1x1_a16_avx2 = {.step = 0.61, .store = 1.9},
    .convolution_1x1_s16_avx2 = {.step = 0.63, .store = 1.9},
    .convolution_matched_16x4_avx2 =
        {.matched_step = 3.44, .single_step = 4.12, .tail = 4.8, .output = 18, .column_step = 1.6, .pixel_vector = 0.3},
    .convolution_w2_6x64_avx2 = {.step = 0.55, .run = 3, .output = 16, .words = 10, .bytes = 5, .load = 4, .open = 2},
    .depthwise_u8_avx2 = {.tap = 0.77, .pixel = 5.5, .line = 2.5},
    .depthwise_s16_avx2 = {.tap = 1.6, .pixel = 6, .line = 3},
    .winograd_s16_4x4_avx2 = {.step = 1.25, .row = 4, .input = 100, .output = 260, .weights = 100},
    .winograd_s16_3x3_avx2 = {.step = 1.25, .row = 4, .input = 150, .output = 150, .weights = 0},
    .winograd_u8_2x2_avx2 = {.step = 1.25, .widen = 0.75, .row = 8, .input = 40, .output = 60, .longer = 4},
    .convolution_u8_avxvnni = {.step = 0.52, .load = 0.1, .store = 2, .copy = 2, .window = 1},
    .winograd_u8_2x2_avxvnni = {.step = 0.55, .widen = 0, .row = 2, .input = 20, .output = 35, .longer = 1},
    .convolution_1x1_u8_avxvnni = {.step = 0.54, .store = 1.9},
    .convolution_u8_avx512vnni = {.step = 0.52, .load = 0.1, .store = 2, .copy = 2, .window = 1},
    .winograd_u8_2x2_avx512vnni = {.step = 0.55, .widen = 0, .row = 2, .input = 20, .output = 35, .longer = 1},
    .convolution_1x1_u8_avx512vnni = {.step = 0.27, .store = 0.95},
    .depthwise_u8_avx512vnni = {.tap = 1.45, .pixel = 2.3, .line = 3},
    .depthwise_3x3_u8_avx512vnni = {.tap = 0.6, .pixel = 2, .line = 2.5},
    .winograd_s16_4x4_avx512vnni = {.step = 0.55, .row = 2, .input = 50, .output = 130, .weights = 50},
};

}  // namespace narrow::kernels::costs
