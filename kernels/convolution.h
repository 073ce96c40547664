// Convolution family: u8 activations, s8 weights, exact int32 accumulation; any groups, dilation and one-sided padding.
// A linear layer is a convolution with a 1x1 window on [1, 1, channels]; depthwise kernels share this contract.
//
// Math, for output pixel p and channel c:
//   acc[p, c] = bias[c] + sum over taps and input channels of (x - input_zero_point) * w        (int32, exact)
//   uint8 output:   y = clamp(round_half_to_even(float(acc) * multiplier[c]) + zero_point, lo, hi)
//   float32 output: y = min(max(float(acc) * multiplier[c], clamp.lo), clamp.hi)
// Taps in the padding contribute 0. float(acc) rounds to nearest even; products are single precision, not contracted.
// Layout: input [N, in_h, in_w, in_c], weights [out_c, kernel_h, kernel_w, in_c / groups],
//   output [N, out_h, out_w, out_c].
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cpu_features.h"
#include "narrow/types.h"

namespace narrow::kernels {

struct ConvolutionShape {
  int in_h = 0, in_w = 0, in_c = 0;
  int out_h = 0, out_w = 0, out_c = 0;
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  Padding pad;
  int groups = 1;

  [[nodiscard]] int group_in() const { return in_c / groups; }
  [[nodiscard]] int group_out() const { return out_c / groups; }
  [[nodiscard]] std::int64_t depth() const { return std::int64_t{kernel_h} * kernel_w * group_in(); }
  [[nodiscard]] bool depthwise() const { return groups == in_c && groups > 1; }
};

enum class OutputType { kUint8, kFloat32 };

// Of the weights of an output channel: the sum of those above 0, and of those below.
struct WeightSums {
  std::int64_t positive = 0;
  std::int64_t negative = 0;  // <= 0

  [[nodiscard]] std::int64_t total() const { return positive + negative; }
  [[nodiscard]] std::int64_t magnitude() const { return positive - negative; }
};

// One layer. Weights, their sums, bias and multiplier are read by everything but `run`, which has them packed: they may
// be gone then.
struct ConvolutionProblem {
  ConvolutionShape shape;
  QRange input_range;  // every input element lies in it; within [0, 255]
  std::int32_t input_zero_point = 0;
  QRange weight_range;                   // every weight lies in it; within [-128, 127]
  const std::int8_t* weights = nullptr;  // canonical order, see above
  const WeightSums* sums = nullptr;      // [out_c], see sum_weights
  const std::int32_t* bias = nullptr;    // [out_c]
  const float* multiplier = nullptr;     // [out_c], finite, > 0
  OutputType output_type = OutputType::kUint8;
  std::int32_t output_zero_point = 0;  // uint8 output
  QRange output_range;                 // uint8 output
  Clamp output_clamp;                  // float32 output
};

// Reads the weights once, for all the kernels that want to know: [out_c]. Of the problem, shape and weights are read.
[[nodiscard]] std::vector<WeightSums> sum_weights(const ConvolutionProblem& problem);

// True when no input within input_range can overflow the int32 accumulator, bias included, whatever the order of
// summation and whether or not the zero point is subtracted first. Checked when a session is created.
[[nodiscard]] bool accumulator_is_exact(const ConvolutionProblem& problem);

// What one call of `run` computes: channels [channel_begin, channel_end) of output rows [row_begin, row_end), of all
// N * out_h rows.
struct ConvolutionPart {
  std::int64_t row_begin = 0, row_end = 0;
  int channel_begin = 0, channel_end = 0;
};

// The vector instructions that a kernel spends for its products; measure/peak.h measures what a CPU reaches with them.
enum class InstructionMix {
  kNone,       // of the scalar reference
  kWords,      // vpmaddwd, vpaddd: 16 x 16 bits into 32
  kBytes,      // vpmaddubsw, vpmaddwd, vpaddd: 8 x 8 bits into 32
  kSums16,     // vpmaddubsw, vpaddw: 8 x 8 bits into 16
  kPairs,      // vpmaddubsw twice, vpaddw, vpmaddwd, vpaddd: 8 x 8 bits into 32 by way of 16
  kDot,        // vpdpbusd of 32 bytes: 8 x 8 bits into 32, AVX-VNNI
  kWideDot,    // vpdpbusd of 64 bytes, AVX512-VNNI
  kWideWords,  // vpdpwssd of 64 bytes: 16 x 16 bits into 32, AVX512-VNNI
};

// Why a kernel does not serve a problem. Empty: it does.
struct Refusal {
  const char* why = nullptr;  // static, a sentence without its end: "its windows are not 3x3 with stride 1"
  int channel = -1;           // the first output channel of which `why` is true; -1: it is about the layer
};

// What a kernel answers for a problem.
struct Offer {
  double cycles = 0;  // estimated core cycles for one image on one thread; where it accepts
  Refusal refusal;
};

// One way to compute it. All functions are pure; `run` may be called from several threads on disjoint parts.
struct ConvolutionKernel {
  const char* name;  // the stem of the file that defines it: "convolution_s16_6x16_avx2"
  Isa isa;
  InstructionMix mix;
  // The cost as far as shape and ranges determine it, from 0 on, of any problem; weights are not read. Kernels are
  // compared by cost, so only ratios count. kernels/costs.h holds the constants. An offer never costs less.
  double (*estimate)(const ConvolutionProblem& problem);
  // Whether the kernel is exact for this problem, by a proof on shape, ranges and the weights themselves, and what it
  // then costs. proof: [out_c], written where the kernel accepts, for its own `pack`; only the kernel knows its
  // meaning.
  Offer (*offer)(const ConvolutionProblem& problem, std::int64_t* proof);
  // Parts begin at multiples of this many channels, and end at one or at out_c. out_c: channels can't be divided.
  int (*channel_step)(const ConvolutionProblem& problem);
  // Size of the packed weights (with bias and multipliers); 64-byte alignment is the caller's duty.
  std::size_t (*packed_bytes)(const ConvolutionProblem& problem);
  // proof: as `offer` left it for this problem.
  void (*pack)(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);
  // Workspace that each concurrent call of `run` needs, 64-byte aligned. Its contents are not used after the call.
  std::size_t (*workspace_bytes)(const ConvolutionProblem& problem);
  // Reads only within input[0, N*in_h*in_w*in_c), and of a depthwise or 1x1 layer's only rows between the first and the
  // last that the part's windows touch. Writes only the part's elements of output. input and output do not overlap.
  // `output` is that of the whole layer.
  void (*run)(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
              const ConvolutionPart& part, std::byte* workspace);
  // Parts that begin at multiples of this many rows of an image, and end at one or at out_h, waste least.
  int row_step = 1;
};

// A kernel, what it offers for a problem, and the proof that its `pack` reads.
struct ConvolutionCandidate {
  const ConvolutionKernel* kernel = nullptr;
  Offer offer;
  std::vector<std::int64_t> proof;

  [[nodiscard]] bool accepts() const { return offer.refusal.why == nullptr; }
  // packed: kernel->packed_bytes(problem), 64-byte aligned.
  void pack(const ConvolutionProblem& problem, std::byte* packed) const { kernel->pack(problem, proof.data(), packed); }
};

// The answer of one kernel.
[[nodiscard]] ConvolutionCandidate ask(const ConvolutionKernel& kernel, const ConvolutionProblem& problem);

// The answers of all kernels that need no features beyond those of `isa`: those that accept, cheapest first, and among
// equals the one that its ISA lists first; the scalar reference is the last of them, because it accepts everything that
// accumulator_is_exact does; then those that refuse.
[[nodiscard]] std::vector<ConvolutionCandidate> rank_convolutions(const ConvolutionProblem& problem, Isa isa);

// Float convolution, for layers that were left unquantized. The order of summation is part of the contract, so that
// every ISA gives the same bits: acc = bias[c]; for kh, kw, ic ascending, taps in the padding skipped:
// acc = acc + x * w, product and sum rounded to single precision separately; y = min(max(acc, clamp.lo), clamp.hi).
struct ConvolutionF32Problem {
  ConvolutionShape shape;
  const float* weights = nullptr;  // [out_c, kernel_h, kernel_w, in_c / groups]
  const float* bias = nullptr;     // [out_c]
  Clamp clamp;
};
struct ConvolutionF32Kernel {
  const char* name;
  Isa isa;
  bool (*accepts)(const ConvolutionF32Problem& problem);
  std::size_t (*packed_bytes)(const ConvolutionF32Problem& problem);
  void (*pack)(const ConvolutionF32Problem& problem, std::byte* packed);
  void (*run)(const ConvolutionF32Problem& problem, const std::byte* packed, const float* input, float* output,
              std::int64_t row_begin, std::int64_t row_end);
};
[[nodiscard]] const ConvolutionF32Kernel* select_convolution_f32(const ConvolutionF32Problem& problem, Isa isa);

}  // namespace narrow::kernels
