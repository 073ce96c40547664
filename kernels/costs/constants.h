// What the constants of the kernels' estimates mean. Tables of them, one for each CPU model, are the other headers of
// this folder; kernels/costs.cpp says which CPUs use which.
//
// Every number is in core cycles of one thread with its data in the cache, unless its row states otherwise. Kernels are
// compared with each other, so only ratios count. The model is a core with two vector multipliers (Zen 3 to 5, Skylake
// to Golden Cove).
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

// A convolution that looks products of 2 bits up, for one pixel and 32 channels.
struct TwoBits {
  double step;    // a pair of inputs
  double single;  // relative cost of the step where only 32 channels are left; a ratio
  double run;     // widening a byte run
  double output;  // writing the sums out
  double words;   // the same, comparing words with thresholds
  double bytes;   // the same, comparing bytes
  double load;    // 32 bytes of a block's pairs
  double open;    // a pair of inputs: unpacking its weights, once for the pixels of a block
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

// A direct convolution with tdpbusd. A register holds 16 pixels, or 16 channels.
struct TileRegisters {
  double product;  // of 64 bytes of depth: multiplying two registers
  double input;    // of 64 bytes of depth: copying and loading a register of pixels
  double weights;  // of 64 bytes of depth: loading a register of weights
  double sums;     // 16 pixels and 16 channels: starting and storing their sums
  double store;    // a pixel and 16 channels: rounding and writing
  double copy;     // 32 bytes of a block's input
  double window;   // a pixel's pointer to its window
  double call;     // configuring and releasing the registers
};

// A row for each kernel, under its name. Constants have internal linkage: see kernels/CMakeLists.txt.
struct Table {
  // convolution_scalar: one product
  double scalar_product;
  Panel convolution_u8_6x16_avx2;
  Panel convolution_s16_6x16_avx2;
  // Its step is that of a layer that never widens. The accumulation runs add to it.
  Panel convolution_a16_3x16_avx2;
  // of convolution_a16_3x16_avx2
  AccumulationRuns accumulation_runs;
  Pointwise convolution_1x1_a16_avx2;
  Pointwise convolution_1x1_s16_avx2;
  Matched convolution_matched_16x4_avx2;
  TwoBits convolution_w2_6x64_avx2;
  Depthwise depthwise_u8_avx2;
  Depthwise depthwise_u8_wide_bias_avx2;
  Depthwise depthwise_s16_avx2;
  Winograd winograd_s16_4x4_avx2;
  Winograd winograd_s16_3x3_avx2;
  ByteWinograd winograd_u8_2x2_avx2;
  Dot convolution_u8_avxvnni;
  // The step is that of a vector of channels; the transforms are those of AVX2.
  ByteWinograd winograd_u8_2x2_avxvnni;
  Pointwise convolution_1x1_u8_avxvnni;
  Dot convolution_u8_avx512vnni;
  ByteWinograd winograd_u8_2x2_avx512vnni;  // as winograd_u8_2x2_avxvnni
  Pointwise convolution_1x1_u8_avx512vnni;
  Depthwise depthwise_u8_avx512vnni;
  Depthwise depthwise_3x3_u8_avx512vnni;
  Winograd winograd_s16_4x4_avx512vnni;
};

}  // namespace narrow::kernels::costs
