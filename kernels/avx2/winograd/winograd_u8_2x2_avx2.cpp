// winograd_u8_2x2_avx2: 3x3 windows of stride 1, one group, any padding, weights of 4 bits and activations of 6 bits at
// most: F(2x2, 3x3) in bytes, 16 products instead of 36, most of them added in 16 bits. See winograd_bytes_avx2.h.
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_tile_a16_avx2.h"
#include "kernels/avx2/shared/winograd_bytes_avx2.h"
#include "kernels/avx2/shared/winograd_bytes_expand_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr ByteWinogradFormat kFormat{.vectors = 1, .tiles = 42, .adds_words = true};

std::int32_t largest_weight(const ConvolutionProblem& problem) {
  return problem.weight_range.hi > -problem.weight_range.lo ? problem.weight_range.hi : -problem.weight_range.lo;
}

// Of two products, which vpmaddubsw adds in 16 bits.
std::int64_t largest_pair(const ConvolutionProblem& problem) {
  return std::int64_t{2} * largest_byte_winograd_input(problem) * 9 * largest_weight(problem);
}

Refusal refusal_of(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_byte_winograd(problem); refusal.why != nullptr) return refusal;
  if (largest_pair(problem) > INT16_MAX) return {.why = "two products of transformed bytes may exceed int16"};
  return {};
}

double estimate(const ConvolutionProblem& problem) {
  const double worst = static_cast<double>(largest_pair(problem) > 0 ? largest_pair(problem) : 1);
  costs::ByteWinograd costs = costs::kWinogradU8;
  costs.step += costs.widen / (costs.longer * INT16_MAX / worst);
  return byte_winograd_cost(problem, kFormat, costs);
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refusal_of(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kPanelChannels; }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const ByteWinogradPlan plan = plan_byte_winograd(problem, kFormat);
  return static_cast<std::size_t>(kByteWinogradZeros + plan.panels * plan.panel_bytes);
}

void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  pack_byte_winograd(problem, kFormat, packed);
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_byte_winograd(problem, kFormat).workspace_bytes);
}

void multiply(const ByteWinogradProducts& in) {
  const std::int64_t offset = 0;
  const TileDepth depth{&offset, 1, in.depth, in.shift};
  const std::uint8_t* const* rows = in.rows;
  Acc* m = reinterpret_cast<Acc*>(in.m);
  const bool whole = is_whole(depth, in.steps);
  if (in.steps > 1 && !whole) {
    for (std::int64_t left = in.tiles; left > 0; left -= kA16TilePixels, rows += kA16TilePixels, m += kA16TilePixels) {
      const int now = left < kA16TilePixels ? static_cast<int>(left) : kA16TilePixels;
      tile_a16(now, in.steps)(rows, depth, in.steps, in.head, m);
    }
    return;
  }
  const OutputStage unused{};
  const TileFunction* const tiles = whole ? tiles_a16_whole() : tiles_u8();
  for (std::int64_t left = in.tiles; left > 0; left -= kTilePixels, rows += kTilePixels, m += kTilePixels) {
    const int now = left < kTilePixels ? static_cast<int>(left) : kTilePixels;
    tiles[now - 1](rows, depth, in.head, unused, nullptr, m);
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_byte_winograd(problem, kFormat, packed, input, output, part, workspace, {multiply, expand_byte_weights});
}

}  // namespace

const ConvolutionKernel kWinogradU8{
    .name = "winograd_u8_2x2_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kBytes,
    .estimate = estimate,
    .offer = offer,
    .channel_step = channel_step,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .run = run,
    .row_step = kByteWinogradOutputs,
};

}  // namespace narrow::kernels::avx2
