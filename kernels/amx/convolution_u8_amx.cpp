// convolution_u8_amx: kernels/shared/vnni/convolution_vnni.h with the tiles of convolution_tiles_amx.h. Panels are
// those of convolution_u8_avx512vnni: 16 depth steps of 16 channels are the rows of a tile register as they stand.
#include <cstring>

#include "kernels/amx/convolution_amx.h"
#include "kernels/amx/convolution_tiles_amx.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/costs/amx.h"
#include "kernels/shared/vnni/convolution_vnni.h"

namespace narrow::kernels::amx {
namespace {

using Panels = vnni::Convolution<Tiles>;

// After the last panel, or the last weight that is unpacked.
std::size_t read_ahead(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(kReadAhead * Panels::layout_of(problem).vectors);
}

// Every set of 16 pixels, of 16 channels and of 64 bytes of depth takes the same time, whether or not it is full.
double estimate(const ConvolutionProblem& problem) {
  const costs::TileRegisters& costs = costs::kConvolutionU8Amx;
  const ConvolutionShape& shape = problem.shape;
  const vnni::PanelLayout layout = Panels::layout_of(problem);
  const vnni::BlockPlan plan = vnni::plan_blocks(shape);
  const std::int64_t pixels = std::int64_t{shape.out_h} * shape.out_w;
  const auto sets = static_cast<double>(base::ceil_div(pixels, 16));
  const auto pairs = static_cast<double>(base::ceil_div(pixels, 32));
  const auto depth = static_cast<double>(base::ceil_div(layout.segments * layout.segment_steps, 16));
  double cycles = 0;
  for (std::int64_t i = 0; i < layout.panels; ++i) {
    const std::int64_t vectors = vnni::panel_vectors(layout, i);
    const auto all = static_cast<double>(vectors);
    const auto vector_pairs = static_cast<double>(base::ceil_div(vectors, 2));
    cycles += depth * (sets * all * costs.product + sets * vector_pairs * costs.input + pairs * all * costs.weights);
    cycles += sets * all * costs.sums + static_cast<double>(pixels) * all * costs.store;
  }
  cycles = shape.groups * cycles + static_cast<double>(pixels) * costs.window + costs.call;
  if (!plan.in_place) {
    cycles += static_cast<double>(shape.out_h * plan.line_step * plan.line_bytes) / 32 * costs.copy;
  }
  return cycles;
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* proof) {
  const Refusal refusal = avx512vnni::kConvolutionU8.offer(problem, proof).refusal;
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

int channel_step(const ConvolutionProblem& problem) { return avx512vnni::kConvolutionU8.channel_step(problem); }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  return avx512vnni::kConvolutionU8.packed_bytes(problem) + read_ahead(problem);
}

void pack(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed) {
  avx512vnni::kConvolutionU8.pack(problem, proof, packed);
  std::memset(packed + avx512vnni::kConvolutionU8.packed_bytes(problem), 0, read_ahead(problem));
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return avx512vnni::kConvolutionU8.workspace_bytes(problem) + read_ahead(problem);
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  begin_tiles();
  Panels::run(problem, packed, input, output, part, workspace);
  end_tiles();
}

}  // namespace

const ConvolutionKernel kConvolutionU8{.name = "convolution_u8_amx",
                                       .isa = Isa::kAmx,
                                       .mix = InstructionMix::kTiles,
                                       .estimate = estimate,
                                       .offer = offer,
                                       .channel_step = channel_step,
                                       .packed_bytes = packed_bytes,
                                       .pack = pack,
                                       .workspace_bytes = workspace_bytes,
                                       .run = run};

}  // namespace narrow::kernels::amx
