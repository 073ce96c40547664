// AMD EPYC 25/17: a table that was found by hand, with the rows of measured kernels multiplied, by `./dev fit-costs
// --write zen4`. data/zen4.csv has the measurements. Rows of other kernels, such as those of AVX-VNNI, are those of the
// former table, which zen3.h and zen5.h were fitted from, too.
//
// measured / estimated         former: mean    std    n   fitted: mean    std  factor
// convolution_u8_avx512vnni            1.987  0.518  260          1.094  0.285   1.729
// convolution_matched_16x4_avx2        1.121  0.164  215          1.029  0.150   1.037
// convolution_s16_6x16_avx2            1.064  0.092  260          1.013  0.087   1.000
// winograd_s16_3x3_avx2                1.012  0.013    5          1.000  0.013   0.964
// convolution_a16_3x16_avx2            1.043  0.072  218          1.007  0.070   0.986
// convolution_u8_6x16_avx2             1.052  0.062  218          1.007  0.060   0.995
// winograd_s16_4x4_avx512vnni          1.891  0.158   40          1.013  0.085   1.778
// winograd_s16_4x4_avx2                1.065  0.106   40          1.018  0.101   0.996
// winograd_u8_2x2_avx512vnni           1.926  0.208   24          1.018  0.110   1.801
// winograd_u8_2x2_avx2                 0.976  0.167   24          1.046  0.179   0.888
// convolution_w2_6x64_avx2             1.046  0.132   80          1.020  0.129   0.976
// convolution_1x1_u8_avx512vnni        1.760  0.090   75          1.006  0.052   1.666
// convolution_1x1_s16_avx2             1.051  0.043   75          1.003  0.041   0.997
// convolution_1x1_a16_avx2             1.094  0.050   58          1.004  0.045   1.037
// depthwise_3x3_u8_avx512vnni          1.031  0.056   45          1.006  0.055   0.976
// depthwise_u8_avx512vnni              1.146  0.125   45          1.022  0.112   1.067
// depthwise_s16_avx2                   1.037  0.094   45          1.017  0.092   0.970
// depthwise_u8_avx2                    1.086  0.114   36          1.023  0.107   1.011
// choosing by the former: 6.1 % slower than the fastest kernel on the mean of 280 layers, 49 % at most
// choosing by fitted: 0.9 % slower than the fastest kernel on the mean of 280 layers, 54 % at most
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

constexpr Table kZen4{
    .scalar_product = 4,
    .convolution_u8_6x16_avx2 = {.step = 1.991, .tile = 7.962, .load = 1.991},
    .convolution_s16_6x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .convolution_a16_3x16_avx2 = {.step = 1.232, .tile = 7.884, .load = 1.971},
    .accumulation_runs = {.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5},
    .convolution_1x1_a16_avx2 = {.step = 0.6328, .store = 1.971},
    .convolution_1x1_s16_avx2 = {.step = 0.6282, .store = 1.895},
    .convolution_matched_16x4_avx2 = {.matched_step = 3.568,
                                      .single_step = 4.273,
                                      .tail = 4.979,
                                      .output = 18.67,
                                      .column_step = 1.66,
                                      .pixel_vector = 0.3},
    .convolution_w2_6x64_avx2 = {.step = 0.5857,
                                 .single = 1.5,
                                 .run = 3.221,
                                 .output = 16.59,
                                 .words = 10.74,
                                 .bytes = 4.881,
                                 .load = 3.904,
                                 .open = 1.952},
    .depthwise_u8_avx2 = {.tap = 0.7786, .pixel = 5.561, .line = 2.528},
    .depthwise_u8_wide_bias_avx2 = {.tap = 0.7786, .pixel = 6.061, .line = 2.528},
    .depthwise_s16_avx2 = {.tap = 1.552, .pixel = 5.822, .line = 2.911},
    .winograd_s16_4x4_avx2 = {.step = 1.245, .row = 3.984, .input = 99.6, .output = 259, .weights = 99.6},
    .winograd_s16_3x3_avx2 = {.step = 1.204, .row = 3.854, .input = 144.5, .output = 144.5, .weights = 0},
    .winograd_u8_2x2_avx2 = {.step = 1.11, .widen = 0.6663, .row = 7.107, .input = 35.54, .output = 53.3, .longer = 4},
    .convolution_u8_avxvnni = {.step = 0.52, .load = 0.1, .store = 2, .copy = 2, .window = 1},
    .winograd_u8_2x2_avxvnni = {.step = 0.55, .widen = 0, .row = 2, .input = 20, .output = 35, .longer = 1},
    .convolution_1x1_u8_avxvnni = {.step = 0.54, .store = 1.9},
    .convolution_u8_avx512vnni = {.step = 0.8993, .load = 0.1729, .store = 3.459, .copy = 3.459, .window = 1.729},
    .winograd_u8_2x2_avx512vnni =
        {.step = 0.9904, .widen = 0, .row = 3.601, .input = 36.01, .output = 63.03, .longer = 1},
    .convolution_1x1_u8_avx512vnni = {.step = 0.4498, .store = 1.583},
    .depthwise_u8_avx512vnni = {.tap = 1.547, .pixel = 2.454, .line = 3.202},
    .depthwise_3x3_u8_avx512vnni = {.tap = 0.5857, .pixel = 1.952, .line = 2.441},
    .winograd_s16_4x4_avx512vnni = {.step = 0.9778, .row = 3.555, .input = 88.89, .output = 231.1, .weights = 88.89},
};

}  // namespace narrow::kernels::costs
