// AMD EPYC 26/2: zen4.h with the rows of measured kernels multiplied, by `./dev fit-costs --write zen5`.
// data/zen5.csv has the measurements; rows of other kernels are those of zen4.h.
//
// measured / estimated           zen4: mean    std    n   fitted: mean    std  factor
// convolution_u8_avx512vnni            1.136  0.466  156          1.181  0.484   1.027
// convolution_u8_avxvnni               1.067  0.429  156          1.173  0.472   0.971
// convolution_matched_16x4_avx2        0.951  0.064  129          1.007  0.067   1.007
// convolution_s16_6x16_avx2            0.946  0.062  156          1.009  0.066   1.000
// winograd_s16_3x3_avx2                0.823  0.002    3          1.000  0.003   0.878
// convolution_a16_3x16_avx2            0.912  0.059  114          1.009  0.066   0.964
// convolution_u8_6x16_avx2             0.969  0.053  114          1.007  0.055   1.027
// winograd_s16_4x4_avx512vnni          1.139  0.148   24          1.032  0.134   1.177
// winograd_s16_4x4_avx2                0.971  0.098   24          1.022  0.103   1.014
// winograd_u8_2x2_avx512vnni           1.209  0.218    8          1.060  0.191   1.217
// winograd_u8_2x2_avxvnni              1.150  0.207    8          1.056  0.190   1.161
// winograd_u8_2x2_avx2                 0.858  0.134    8          1.039  0.162   0.882
// convolution_1x1_u8_avx512vnni        1.699  0.128   45          1.013  0.077   1.790
// convolution_1x1_u8_avxvnni           0.936  0.106   45          1.029  0.117   0.970
// convolution_1x1_s16_avx2             0.936  0.036   45          1.003  0.038   0.995
// convolution_1x1_a16_avx2             0.951  0.011   28          1.000  0.011   1.014
// depthwise_3x3_u8_avx512vnni          0.729  0.072   27          1.018  0.101   0.765
// depthwise_u8_avx512vnni              0.807  0.103   27          1.030  0.132   0.836
// depthwise_s16_avx2                   0.880  0.098   27          1.025  0.114   0.917
// depthwise_u8_avx2                    0.862  0.095   18          1.025  0.113   0.898
// choosing by zen4: 18.1 % slower than the fastest kernel on the mean of 168 layers, 93 % at most
// choosing by fitted: 0.2 % slower than the fastest kernel on the mean of 168 layers, 20 % at most
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

constexpr Table kZen5{
    .scalar_product = 4,
    .convolution_u8_6x16_avx2 = {.step = 2.054, .tile = 8.215, .load = 2.054},
    .convolution_s16_6x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .convolution_a16_3x16_avx2 = {.step = 1.205, .tile = 7.713, .load = 1.928},
    .accumulation_runs = {.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5},
    .convolution_1x1_a16_avx2 = {.step = 0.6188, .store = 1.927},
    .convolution_1x1_s16_avx2 = {.step = 0.627, .store = 1.891},
    .convolution_matched_16x4_avx2 = {.matched_step = 3.466,
                                      .single_step = 4.151,
                                      .tail = 4.836,
                                      .output = 18.13,
                                      .column_step = 1.612,
                                      .pixel_vector = 0.3},
    .convolution_w2_6x64_avx2 =
        {.step = 0.6, .single = 1.5, .run = 3.3, .output = 17, .words = 11, .bytes = 5, .load = 4, .open = 2},
    .depthwise_u8_avx2 = {.tap = 0.6914, .pixel = 4.939, .line = 2.245},
    .depthwise_u8_wide_bias_avx2 = {.tap = 0.6914, .pixel = 5.439, .line = 2.245},
    .depthwise_s16_avx2 = {.tap = 1.466, .pixel = 5.499, .line = 2.75},
    .winograd_s16_4x4_avx2 = {.step = 1.267, .row = 4.055, .input = 101.4, .output = 263.6, .weights = 101.4},
    .winograd_s16_3x3_avx2 = {.step = 1.098, .row = 3.513, .input = 131.7, .output = 131.7, .weights = 0},
    .winograd_u8_2x2_avx2 =
        {.step = 1.102, .widen = 0.6614, .row = 7.055, .input = 35.27, .output = 52.91, .longer = 4},
    .convolution_u8_avxvnni = {.step = 0.5048, .load = 0.09708, .store = 1.942, .copy = 1.942, .window = 0.9708},
    .winograd_u8_2x2_avxvnni = {.step = 0.6386, .widen = 0, .row = 2.322, .input = 23.22, .output = 40.64, .longer = 1},
    .convolution_1x1_u8_avxvnni = {.step = 0.5239, .store = 1.843},
    .convolution_u8_avx512vnni = {.step = 0.5338, .load = 0.1027, .store = 2.053, .copy = 2.053, .window = 1.027},
    .winograd_u8_2x2_avx512vnni =
        {.step = 0.6696, .widen = 0, .row = 2.435, .input = 24.35, .output = 42.61, .longer = 1},
    .convolution_1x1_u8_avx512vnni = {.step = 0.4832, .store = 1.7},
    .depthwise_u8_avx512vnni = {.tap = 1.212, .pixel = 1.923, .line = 2.508},
    .depthwise_3x3_u8_avx512vnni = {.tap = 0.4588, .pixel = 1.529, .line = 1.912},
    .winograd_s16_4x4_avx512vnni = {.step = 0.6476, .row = 2.355, .input = 58.87, .output = 153.1, .weights = 58.87},
};

}  // namespace narrow::kernels::costs
