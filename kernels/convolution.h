// Convolution family: u8 activations, s8 weights, exact int32 accumulation, any groups, dilation and one-sided padding.
// A linear layer is a convolution with a 1x1 window on [1, 1, channels]. Depthwise kernels share this contract.
//
// Math, for output pixel p and channel c:
//   acc[p, c] = bias[c] + sum over taps and input channels of (x - input_zero_point) * w        (int32, exact)
//   uint8 output:   y = clamp(round_half_to_even(float(acc) * multiplier[c]) + zero_point, lo, hi)
//   float32 output: y = min(max(float(acc) * multiplier[c], clamp.lo), clamp.hi)
//   residual sum, of the same element r of another tensor:
//                   y = clamp(round_half_to_even(float(acc) * multiplier[c] * sum_multiplier
//                                                + float(r - zero_point) * multiplier) + zero_point, lo, hi)
// Taps in the padding contribute 0. float(acc) rounds to nearest even. Products are single precision, not contracted.
// Layout: input [N, in_h, in_w, in_c], weights [out_c, kernel_h, kernel_w, in_c / groups],
//   output and the tensor of a residual sum [N, out_h, out_w, out_c].
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/costs/zen4.h"
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

// kResidualSum: uint8, the sum with the elements of another uint8 tensor.
enum class OutputType { kUint8, kFloat32, kResidualSum };

// The constants of a residual sum.
struct ResidualSum {
  float sum_multiplier = 1;     // of float(acc) * multiplier[c]
  float multiplier = 1;         // of the other tensor; both are finite and > 0
  std::int32_t zero_point = 0;  // of the other tensor; within [0, 255]
};

// The sum of an output channel's weights above 0, and of those below 0.
struct WeightSums {
  std::int64_t positive = 0;
  std::int64_t negative = 0;  // <= 0

  [[nodiscard]] std::int64_t total() const { return positive + negative; }
  [[nodiscard]] std::int64_t magnitude() const { return positive - negative; }
};

// One layer. Everything except `run` reads the weights, their sums, the bias and the multipliers. `run` reads packed
// weights, so these pointers may be invalid then.
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
  std::int32_t output_zero_point = 0;         // uint8 output and residual sum
  QRange output_range;                        // uint8 output and residual sum
  Clamp output_clamp;                         // float32 output
  ResidualSum residual;                       // residual sum
  const costs::Table* costs = &costs::kZen4;  // of the core that the kernel is chosen for, see costs_of()
};

// Reads the weights once for all kernels. Returns [out_c]. Only shape and weights of the problem are read.
[[nodiscard]] std::vector<WeightSums> sum_weights(const ConvolutionProblem& problem);

// True if no input within input_range can overflow the int32 accumulator, including the bias. This holds for any order
// of additions, and whether or not the zero point is subtracted first. It is checked when a session is created.
[[nodiscard]] bool accumulator_is_exact(const ConvolutionProblem& problem);

// The part that one call of `run` computes: channels [channel_begin, channel_end) of output rows [row_begin, row_end).
// Rows are counted over all N * out_h.
struct ConvolutionPart {
  std::int64_t row_begin = 0, row_end = 0;
  int channel_begin = 0, channel_end = 0;
  // The other tensor of a residual sum, all of it. It may be the output: each of its elements is read before the same
  // element of the output is written, once.
  const std::uint8_t* residual = nullptr;
};

// The vector instructions that a kernel spends for its products. measure/peak.h measures the peak of each.
enum class InstructionMix {
  kNone,        // the scalar reference, and kernels of ARM, whose peaks are not measured
  kWords,       // vpmaddwd, vpaddd: 16 x 16 bits into 32
  kBytes,       // vpmaddubsw, vpmaddwd, vpaddd: 8 x 8 bits into 32
  kSums16,      // vpmaddubsw, vpaddw: 8 x 8 bits into 16
  kPairs,       // vpmaddubsw twice, vpaddw, vpmaddwd, vpaddd: 8 x 8 bits into 16, then 32
  kPairTables,  // vpshufb, vpaddb: 2 x 2 bits into 8
  kDot,         // vpdpbusd of 32 bytes: 8 x 8 bits into 32, AVX-VNNI
  kWideDot,     // vpdpbusd of 64 bytes, AVX512-VNNI
  kWideWords,   // vpdpwssd of 64 bytes: 16 x 16 bits into 32, AVX512-VNNI
  kTiles,       // tdpbusd of 16 x 64 x 16 bytes: 8 x 8 bits into 32, AMX
};

// Why a kernel refuses a problem. Empty: it accepts.
struct Refusal {
  const char* why = nullptr;  // static, a sentence without a full stop: "its windows are not 3x3 with stride 1"
  int channel = -1;           // the first output channel for which `why` is true; -1: it is about the layer
};

// A kernel's answer for a problem.
struct Offer {
  double cycles = 0;  // estimated core cycles for one image on one thread, if the kernel accepts
  Refusal refusal;
};

// One kernel. All functions are pure. Several threads may call `run` on disjoint parts.
struct ConvolutionKernel {
  const char* name;  // the stem of the file that defines it: "convolution_s16_6x16_avx2"
  Isa isa;
  InstructionMix mix;
  // The part of the cost that shape and ranges determine, from 0 on, for any problem. Weights are not read. Costs are
  // only compared with each other, so only ratios count. kernels/costs.h holds the constants. An offer never costs
  // less.
  double (*estimate)(const ConvolutionProblem& problem);
  // Whether the kernel is exact for this problem, proved from shape, ranges and weights, and the cost. proof: [out_c],
  // written if the kernel accepts. Only `pack` of the same kernel reads it.
  Offer (*offer)(const ConvolutionProblem& problem, std::int64_t* proof);
  // Parts begin at multiples of this number of channels. They end at one or at out_c. If it is out_c, channels can't be
  // divided.
  int (*channel_step)(const ConvolutionProblem& problem);
  // The size of the packed weights with bias and multipliers. The caller aligns them to 64 bytes.
  std::size_t (*packed_bytes)(const ConvolutionProblem& problem);
  // proof: the values that `offer` wrote for this problem.
  void (*pack)(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);
  // The workspace of each concurrent call of `run`, 64-byte aligned. Its contents are not used after the call.
  std::size_t (*workspace_bytes)(const ConvolutionProblem& problem);
  // Reads only input[0, N*in_h*in_w*in_c). For a depthwise or 1x1 layer, reads only rows between the first and the last
  // that the part's windows read. Writes only the part's elements of the output. Input and output do not overlap.
  // `output` is the output of the whole layer.
  void (*run)(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
              const ConvolutionPart& part, std::byte* workspace);
  // Parts waste least if they begin at multiples of this number of rows of an image and end at one or at out_h.
  int row_step = 1;
  // Whether packed_bytes reads the weights, and not only what else the problem says.
  bool sized_by_weights = false;
};

// A kernel, its offer for a problem, and the proof for its `pack`.
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

// The answers of all kernels that need no features beyond those of `isa`. Those that accept come first, cheapest first;
// among equal costs the order of the ISA's list decides. The scalar reference is the last of them, because it accepts
// every problem for which accumulator_is_exact is true. Those that refuse follow.
[[nodiscard]] std::vector<ConvolutionCandidate> rank_convolutions(const ConvolutionProblem& problem, Isa isa);

// The kernel of this name that an ISA may run; nullptr: there is none.
[[nodiscard]] const ConvolutionKernel* find_convolution(const char* name, Isa isa);
// Increases with every change of the layout of a kernel's packed weights, which files may hold.
inline constexpr int kPackingVersion = 2;

// Float convolution for layers that are not quantized. The order of additions is part of the contract, so every ISA
// returns the same bits: acc = bias[c]; for kh, kw, ic ascending, taps in the padding skipped: acc = acc + x * w,
// product and sum rounded to single precision separately; y = min(max(acc, clamp.lo), clamp.hi).
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
