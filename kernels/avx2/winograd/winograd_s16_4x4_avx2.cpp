// winograd_s16_4x4_avx2: 3x3 windows of stride 1, one group, any padding: F(4x4, 3x3) in 16-bit integers, a quarter of
// the products of convolution_s16_6x16_avx2. Exact for any 8 x 8 bits where sums are within 2^25, which the weights
// prove. The mathematics and the proof are in winograd_plan_avx2.h.
// Packed: see winograd_weights_avx2.h. Rows of a part are covered by tiles from its first row on, of each picture.
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/winograd_plan_avx2.h"
#include "kernels/avx2/shared/winograd_run_avx2.h"
#include "kernels/avx2/shared/winograd_tile_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

double estimate(const ConvolutionProblem& problem) { return winograd_cost(problem, costs::kWinogradS16); }

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refuse_winograd(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_winograd(problem, packed, input, output, part, workspace, multiply_winograd);
}

}  // namespace

const ConvolutionKernel kWinogradS16{
    .name = "winograd_s16_4x4_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kWords,
    .estimate = estimate,
    .offer = offer,
    .channel_step = winograd_channel_step,
    .packed_bytes = winograd_packed_bytes,
    .pack = pack_winograd_layer,
    .workspace_bytes = winograd_workspace_bytes,
    .run = run,
    .row_step = kWinogradOutputs,
};

}  // namespace narrow::kernels::avx2
