// AMD EPYC 26/2: zen4.h with the rows of measured kernels multiplied, by `./dev fit-costs --write zen5`.
// data/zen5.csv has the measurements; rows of other kernels are those of zen4.h.
//
// measured / estimated           zen4: mean    std    n   fitted: mean    std  factor
// convolution_u8_avx512vnni            1.136  0.455  156          1.176  0.471   1.021
// convolution_u8_avxvnni               1.071  0.420  156          1.166  0.457   0.970
// convolution_matched_16x4_avx2        0.956  0.068  129          1.008  0.071   1.002
// convolution_s16_6x16_avx2            0.955  0.062  156          1.009  0.065   1.000
// winograd_s16_3x3_avx2                0.831  0.003    3          1.000  0.004   0.878
// convolution_a16_3x16_avx2            0.922  0.075  114          1.012  0.082   0.962
// convolution_u8_6x16_avx2             0.972  0.057  114          1.008  0.059   1.019
// winograd_s16_4x4_avx512vnni          1.263  0.164   24          1.027  0.133   1.300
// winograd_s16_4x4_avx2                0.971  0.111   24          1.028  0.117   0.998
// winograd_u8_2x2_avx512vnni           1.231  0.221    8          1.060  0.190   1.228
// winograd_u8_2x2_avxvnni              1.164  0.211    8          1.056  0.192   1.164
// winograd_u8_2x2_avx2                 0.864  0.140    8          1.041  0.169   0.877
// convolution_1x1_u8_avx512vnni        1.698  0.128   45          1.013  0.077   1.772
// convolution_1x1_u8_avxvnni           0.935  0.107   45          1.030  0.118   0.960
// convolution_1x1_s16_avx2             0.934  0.033   45          1.002  0.035   0.984
// convolution_1x1_a16_avx2             0.951  0.012   28          1.000  0.013   1.005
// depthwise_3x3_u8_avx512vnni          0.711  0.099   27          1.041  0.145   0.722
// depthwise_u8_avx512vnni              0.787  0.133   27          1.053  0.178   0.790
// depthwise_s16_avx2                   0.878  0.103   27          1.027  0.120   0.904
// depthwise_u8_avx2                    0.851  0.098   18          1.026  0.118   0.876
// choosing by zen4: 18.3 % slower than the fastest kernel on the mean of 168 layers, 96 % at most
// choosing by fitted: 0.3 % slower than the fastest kernel on the mean of 168 layers, 9 % at most
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

constexpr Table kZen5{
    .scalar_product = 4,
    .convolution_u8_6x16_avx2 = {.step = 2.039, .tile = 8.156, .load = 2.039},
    .convolution_s16_6x16_avx2 = {.step = 1.25, .tile = 8, .load = 2},
    .convolution_a16_3x16_avx2 = {.step = 1.203, .tile = 7.696, .load = 1.924},
    .accumulation_runs = {.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5},
    .convolution_1x1_a16_avx2 = {.step = 0.613, .store = 1.909},
    .convolution_1x1_s16_avx2 = {.step = 0.6201, .store = 1.87},
    .convolution_matched_16x4_avx2 = {.matched_step = 3.447,
                                      .single_step = 4.129,
                                      .tail = 4.81,
                                      .output = 18.04,
                                      .column_step = 1.603,
                                      .pixel_vector = 0.3},
    .depthwise_u8_avx2 = {.tap = 0.6748, .pixel = 4.82, .line = 2.191},
    .depthwise_s16_avx2 = {.tap = 1.446, .pixel = 5.423, .line = 2.711},
    .winograd_s16_4x4_avx2 = {.step = 1.247, .row = 3.992, .input = 99.79, .output = 259.5, .weights = 99.79},
    .winograd_s16_3x3_avx2 = {.step = 1.098, .row = 3.512, .input = 131.7, .output = 131.7, .weights = 0},
    .winograd_u8_2x2_avx2 = {.step = 1.097, .widen = 0.658, .row = 7.019, .input = 35.09, .output = 52.64, .longer = 4},
    .convolution_u8_avxvnni = {.step = 0.5045, .load = 0.09702, .store = 1.94, .copy = 1.94, .window = 0.9702},
    .winograd_u8_2x2_avxvnni = {.step = 0.6403, .widen = 0, .row = 2.328, .input = 23.28, .output = 40.74, .longer = 1},
    .convolution_1x1_u8_avxvnni = {.step = 0.5182, .store = 1.823},
    .convolution_u8_avx512vnni = {.step = 0.5309, .load = 0.1021, .store = 2.042, .copy = 2.042, .window = 1.021},
    .winograd_u8_2x2_avx512vnni =
        {.step = 0.6752, .widen = 0, .row = 2.455, .input = 24.55, .output = 42.97, .longer = 1},
    .convolution_1x1_u8_avx512vnni = {.step = 0.4784, .store = 1.683},
    .depthwise_u8_avx512vnni = {.tap = 1.146, .pixel = 1.817, .line = 2.37},
    .depthwise_3x3_u8_avx512vnni = {.tap = 0.4334, .pixel = 1.445, .line = 1.806},
    .winograd_s16_4x4_avx512vnni = {.step = 0.715, .row = 2.6, .input = 65, .output = 169, .weights = 65},
};

}  // namespace narrow::kernels::costs
