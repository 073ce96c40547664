// What wider ISAs use of depthwise_s16_avx2: everything but the rows of whole panels. See depthwise_avx2.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

// What a tile multiplies: for each pair of taps a line (depthwise_rows_avx2.h), at the window of a row's first pixel.
struct TileLines {
  const std::uint8_t* const* lines;
  std::int64_t pairs;
  std::int64_t columns;      // of the window
  std::int64_t column_step;  // bytes
  std::int64_t pixel_step;   // bytes between the windows of neighbouring outputs
};

// One output row of 16 channels, uint8, of at least `pixels` outputs.
// Layout: panel: int32 bias[16], float multiplier[16], int16 weights [pair][column][16][2], channels in the order of
//   Acc; so are the words of a line's pixel. output: the row's first, problem.shape.out_c apart.
struct DepthwiseRow {
  int pixels;
  void (*run)(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel, std::uint8_t* output);
};

// Average cycles of what a kernel does for 16 channels.
struct DepthwiseCycles {
  double tap;    // a pixel and a pair of taps
  double pixel;  // writing it out
  double line;   // a pixel of a line
};

// The functions of a ConvolutionKernel.
[[nodiscard]] __attribute__((visibility("hidden"))) bool accepts_depthwise(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) double depthwise_cost(const ConvolutionProblem& problem,
                                                                          const DepthwiseCycles& cycles);
[[nodiscard]] __attribute__((visibility("hidden"))) int depthwise_channel_step(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t depthwise_packed_bytes(
    const ConvolutionProblem& problem);
__attribute__((visibility("hidden"))) void pack_depthwise(const ConvolutionProblem& problem, std::byte* packed);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t depthwise_workspace_bytes(
    const ConvolutionProblem& problem);
__attribute__((visibility("hidden"))) void run_depthwise(const ConvolutionProblem& problem, const std::byte* packed,
                                                         const std::uint8_t* input, void* output,
                                                         const ConvolutionPart& part, std::byte* workspace,
                                                         const DepthwiseRow& whole_row);

}  // namespace narrow::kernels::avx2
