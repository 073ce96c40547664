// What depthwise kernels share, of AVX2 and of wider ISAs: everything but filling lines and multiplying them.
// Packed: for each panel of 16 channels int32 bias[16], float multiplier[16], then the weights that meet a pixel of a
//   line, for each group of taps, column of the window and output row that is computed together with others. All
//   32-byte aligned (64-byte, where those weights are 64 bytes).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/depthwise_lines_avx2.h"
#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseHeadBytes = 128;

// What tiles multiply: for each group of taps a line, of which a panel starts `shift` bytes behind.
struct TileLines {
  const std::uint8_t* const* lines;
  std::int64_t shift;
  std::int64_t groups;
  std::int64_t columns;      // of the window
  std::int64_t column_step;  // bytes
  std::int64_t pixel_step;   // bytes between the windows of neighbouring outputs
  std::int64_t weight_step;  // bytes between those of neighbouring columns
};

// One or two output rows of a panel.
struct DepthwiseOutput {
  void* output;        // of the layer, in its type
  std::int64_t index;  // of the first row's first element
  int rows;
  int channels;  // 1..16
};

// Average cycles of what a kernel does for 16 channels.
struct DepthwiseCycles {
  double tap;    // an output and a group of taps
  double pixel;  // writing it out
  double line;   // a pixel of a line
};

struct DepthwiseForm {
  LineForm line;
  int tile_pixels;
  int (*place)(int channel);         // of a panel's bias and multipliers
  int (*weight_place)(int channel);  // of the weights that meet a pixel
  DepthwiseCycles cycles;
  // panel: what is packed of it. Every output row but the last is computed with the next one if the plan says so.
  void (*run)(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
              const DepthwiseOutput& out);
};

// The functions of a ConvolutionKernel.
[[nodiscard]] __attribute__((visibility("hidden"))) bool accepts_depthwise(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) double depthwise_cost(const DepthwiseForm& form,
                                                                          const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) int depthwise_channel_step(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t depthwise_packed_bytes(
    const DepthwiseForm& form, const ConvolutionProblem& problem);
__attribute__((visibility("hidden"))) void pack_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem,
                                                          std::byte* packed);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t depthwise_workspace_bytes(
    const DepthwiseForm& form, const ConvolutionProblem& problem);
__attribute__((visibility("hidden"))) void run_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem,
                                                         const std::byte* packed, const std::uint8_t* input,
                                                         void* output, const ConvolutionPart& part,
                                                         std::byte* workspace);

// A kernel of a form that has static storage duration.
template <const DepthwiseForm& kForm>
constexpr ConvolutionKernel depthwise_kernel(const char* name, Isa isa, bool (*accepts)(const ConvolutionProblem&)) {
  return {
      name,
      isa,
      accepts,
      [](const ConvolutionProblem& problem) { return depthwise_cost(kForm, problem); },
      depthwise_channel_step,
      [](const ConvolutionProblem& problem) { return depthwise_packed_bytes(kForm, problem); },
      [](const ConvolutionProblem& problem, std::byte* packed) { pack_depthwise(kForm, problem, packed); },
      [](const ConvolutionProblem& problem) { return depthwise_workspace_bytes(kForm, problem); },
      [](const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part,
         std::byte* workspace) { run_depthwise(kForm, problem, packed, input, output, part, workspace); },
      2,
  };
}

}  // namespace narrow::kernels::avx2
