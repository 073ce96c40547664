// AMD EPYC 25/1: zen4.h with the rows of measured kernels multiplied, by `./dev fit-costs --write zen3`.
// data/zen3.csv has the measurements; rows of other kernels are those of zen4.h.
//
// measured / estimated           zen4: mean    std    n   fitted: mean    std  factor
// convolution_matched_16x4_avx2        1.373  0.240  129          1.062  0.185   1.051
// convolution_s16_6x16_avx2            1.281  0.195  156          1.041  0.158   1.000
// winograd_s16_3x3_avx2                1.750  0.075    3          1.004  0.043   1.417
// convolution_a16_3x16_avx2            1.298  0.188  114          1.039  0.151   1.015
// convolution_u8_6x16_avx2             1.227  0.144  114          1.022  0.120   0.975
// winograd_s16_4x4_avx2                1.391  0.312   24          1.103  0.247   1.025
// winograd_u8_2x2_avx2                 1.356  0.370    8          1.134  0.310   0.971
// convolution_1x1_s16_avx2             1.243  0.146   45          1.026  0.121   0.984
// convolution_1x1_a16_avx2             1.291  0.169   28          1.032  0.135   1.017
// depthwise_s16_avx2                   1.144  0.106   27          1.017  0.094   0.913
// depthwise_u8_avx2                    1.221  0.134   18          1.024  0.112   0.969
// choosing by zen4: 2.0 % slower than the fastest kernel on the mean of 168 layers, 52 % at most
// choosing by fitted: 1.7 % slower than the fastest kernel on the mean of 168 layers, 52 % at most
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

constexpr Table kZen3{
    .scalar_product = 4,
    .convolution_u8_6x16_avx2 = {.step = 1.95, .tile = 7.801, .load = 1.95},
    .convolution_s16_6x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .convolution_a16_3x16_avx2 = {.step = 1.269, .tile = 8.124, .load = 2.031},
    .accumulation_runs = {.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5},
    .convolution_1x1_a16_avx2 = {.step = 0.6201, .store = 1.932},
    .convolution_1x1_s16_avx2 = {.step = 0.6199, .store = 1.87},
    .convolution_matched_16x4_avx2 = {.matched_step = 3.615,
                                      .single_step = 4.329,
                                      .tail = 5.044,
                                      .output = 18.91,
                                      .column_step = 1.681,
                                      .pixel_vector = 0.3},
    .convolution_w2_6x64_avx2 =
        {.step = 0.6, .single = 1.5, .run = 3.3, .output = 17, .words = 11, .bytes = 5, .load = 4, .open = 2},
    .depthwise_u8_avx2 = {.tap = 0.7462, .pixel = 5.33, .line = 2.423},
    .depthwise_u8_wide_bias_avx2 = {.tap = 0.7462, .pixel = 5.83, .line = 2.423},
    .depthwise_s16_avx2 = {.tap = 1.461, .pixel = 5.48, .line = 2.74},
    .winograd_s16_4x4_avx2 = {.step = 1.281, .row = 4.099, .input = 102.5, .output = 266.4, .weights = 102.5},
    .winograd_s16_3x3_avx2 = {.step = 1.771, .row = 5.668, .input = 212.6, .output = 212.6, .weights = 0},
    .winograd_u8_2x2_avx2 =
        {.step = 1.214, .widen = 0.7285, .row = 7.771, .input = 38.85, .output = 58.28, .longer = 4},
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
