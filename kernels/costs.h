// The constants of the kernels' estimates. All CPUs share one table, so that the choice of kernels is reproducible.
//
// Every number is in core cycles of one thread with its data in the cache, unless its row states otherwise. Kernels are
// compared with each other, so only ratios count. The model is a core with two vector multipliers (Zen 3 to 5, Skylake
// to Golden Cove). All rows were found on Zen 4, by hand, from `convolution_bench`.
//
// `./dev fit-costs` measures every kernel on layers of real networks and prints how far each row is from this CPU.
// kernels/costs/data/ holds such measurements. zen3.csv was made on a busy machine. The table shows measured /
// estimated there (mean, standard deviation, number of measurements): for the rows in force, and with each row
// multiplied by the factor that fits best.
//
//   kernel                           mean    std    n   fitted: mean    std  factor
//   convolution_matched_16x4_avx2    1.704  0.680  141          1.148  0.458   1.042
//   convolution_s16_6x16_avx2        1.697  0.820  168          1.191  0.576   1.000
//   winograd_s16_3x3_avx2            2.224  0.275    3          1.032  0.128   1.512
//   convolution_a16_3x16_avx2        1.889  1.352  123          1.281  0.917   1.035
//   convolution_u8_6x16_avx2         1.637  1.045  123          1.227  0.783   0.937
//   winograd_s16_4x4_avx2            1.737  0.366   24          1.114  0.235   1.095
//   winograd_u8_2x2_avx2             1.503  0.287    8          1.071  0.205   0.985
//   convolution_1x1_s16_avx2         1.413  0.171   45          1.032  0.125   0.961
//   convolution_1x1_a16_avx2         1.432  0.140   28          1.020  0.099   0.985
//   depthwise_s16_avx2               1.467  0.274   27          1.059  0.198   0.973
//   depthwise_u8_avx2                1.557  0.417   18          1.100  0.295   0.993
//
// The kernel that the rows in force choose is 1.2 % slower there than the fastest one, on the mean of 168 layers
// (fitted: 0.5 %). A mean that all kernels share does not change a choice.
//
// Constants have internal linkage: see kernels/CMakeLists.txt.
#pragma once

namespace narrow::kernels::costs {

// A direct convolution with panels of 16 channels.
struct Panel {
  double step;  // a depth step of one pixel and panel
  double tile;  // a pixel and panel: starting its sums and writing them out
  double load;  // 32 bytes of a block's input
};

// Accumulation runs, in half steps. A half step is the time of half a depth step that is never widened.
struct AccumulationRuns {
  int tile;        // further cost of a tile compared with convolution_u8_6x16_avx2
  int widen;       // widening sums from register to register
  int call;        // widening by a function call, with sums in memory
  int always_num;  // widening every depth step costs always_num / always_den half steps for each
  int always_den;
};

// A 1x1 convolution with few weights, for one pixel and 8 channels.
struct Pointwise {
  double step;   // a depth step
  double store;  // storing it
};

// Vectors of 8 pixels and 4 channels.
struct Matched {
  double matched_step;  // a depth step that shares its widening
  double single_step;   // a depth step of its own
  double tail;          // an outlier tail
  double output;        // starting the sums and writing them out
  double column_step;   // transposing a depth step of 8 pixels to a column
  double pixel_vector;  // a pixel that is computed alone costs this part of a vector; a ratio
};

// 16 channels of a depthwise layer.
struct Depthwise {
  double tap;    // an output pixel and tap group
  double pixel;  // writing an output pixel
  double line;   // interleaving the rows of an input pixel
};

// Winograd in words.
struct Winograd {
  double step;     // 32 products of one Winograd tile
  double row;      // a position, tile and panel: starting and storing the sums
  double input;    // transforming 16 input channels of a tile; for winograd_s16_3x3_avx2, all of them
  double output;   // transforming 16 output channels of a tile
  double weights;  // transforming the weights of 2 input and 16 output channels
};

// Winograd in bytes.
struct ByteWinograd {
  double step;    // a position, tile and 16 output channels: 4 input channels
  double widen;   // further cost of a depth step that is widened alone; divided by the length of the accumulation run
  double row;     // a position, tile and 16 output channels: starting and storing the sums
  double input;   // transforming 32 input channels of a tile
  double output;  // transforming 16 output channels of a tile
  double longer;  // length of runs relative to those of the worst weights; a ratio
};

// A direct convolution with vpdpbusd.
struct Dot {
  double step;    // a depth step of a pixel and a vector of channels
  double load;    // a depth step of a pixel: loading it
  double store;   // a pixel and vector: starting and storing its sums
  double copy;    // 32 bytes of a block's input
  double window;  // a pixel's pointer to its window
};

// kernel: convolution_scalar
constexpr double kScalarProduct = 4;

// kernel: convolution_u8_6x16_avx2
constexpr Panel kConvolutionU8{.step = 2.0, .tile = 8, .load = 2};
// kernel: convolution_s16_6x16_avx2
constexpr Panel kConvolutionS16{.step = 1.25, .tile = 8, .load = 2};
// kernel: convolution_a16_3x16_avx2. Its step is that of a layer that never widens. The accumulation runs add to it.
constexpr Panel kConvolutionA16{.step = 1.25, .tile = 8, .load = 2};
constexpr AccumulationRuns kRuns{.tile = 5, .widen = 1, .call = 6, .always_num = 16, .always_den = 5};
// kernel: convolution_1x1_a16_avx2
constexpr Pointwise kPointwiseA16{.step = 0.61, .store = 1.9};
// kernel: convolution_1x1_s16_avx2
constexpr Pointwise kPointwiseS16{.step = 0.63, .store = 1.9};
// kernel: convolution_matched_16x4_avx2
constexpr Matched kMatched{
    .matched_step = 3.44, .single_step = 4.12, .tail = 4.8, .output = 18, .column_step = 1.6, .pixel_vector = 0.3};
// kernel: depthwise_u8_avx2
constexpr Depthwise kDepthwiseU8{.tap = 0.77, .pixel = 5.5, .line = 2.5};
// kernel: depthwise_s16_avx2
constexpr Depthwise kDepthwiseS16{.tap = 1.6, .pixel = 6, .line = 3};
// kernel: winograd_s16_4x4_avx2
constexpr Winograd kWinogradS16{.step = 1.25, .row = 4, .input = 100, .output = 260, .weights = 100};
// kernel: winograd_s16_3x3_avx2
constexpr Winograd kWinogradStrided{.step = 1.25, .row = 4, .input = 150, .output = 150, .weights = 0};
// kernel: winograd_u8_2x2_avx2
constexpr ByteWinograd kWinogradU8{.step = 1.25, .widen = 0.75, .row = 8, .input = 40, .output = 60, .longer = 4};

// kernel: convolution_u8_avxvnni, convolution_u8_avx512vnni
constexpr Dot kConvolutionDot{.step = 0.52, .load = 0.1, .store = 2, .copy = 2, .window = 1};
// kernel: winograd_u8_2x2_avxvnni, winograd_u8_2x2_avx512vnni. Its step is that of a vector of channels; the transforms
// are those of AVX2.
constexpr ByteWinograd kWinogradDot{.step = 0.55, .widen = 0, .row = 2, .input = 20, .output = 35, .longer = 1};
// kernel: convolution_1x1_u8_avxvnni
constexpr Pointwise kPointwiseAvxVnni{.step = 0.54, .store = 1.9};
// kernel: convolution_1x1_u8_avx512vnni
constexpr Pointwise kPointwiseAvx512Vnni{.step = 0.27, .store = 0.95};
// kernel: depthwise_u8_avx512vnni
constexpr Depthwise kDepthwiseAvx512Vnni{.tap = 1.45, .pixel = 2.3, .line = 3};
// kernel: depthwise_3x3_u8_avx512vnni
constexpr Depthwise kDepthwise3x3Avx512Vnni{.tap = 0.6, .pixel = 2, .line = 2.5};
// kernel: winograd_s16_4x4_avx512vnni
constexpr Winograd kWinogradAvx512Vnni{.step = 0.55, .row = 2, .input = 50, .output = 130, .weights = 50};

}  // namespace narrow::kernels::costs
