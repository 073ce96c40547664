// convolution_u8_6x16_avx2: vpmaddubsw multiplies x and w. It takes half the depth steps of convolution_s16_6x16_avx2.
// It is exact where no pair of products exceeds int16, because vpmaddubsw saturates: 211 * 71 + 171 * 107 = 33278. The
// weights and the input range prove this. The bias includes -zero_point * sum(w). See convolution_direct_avx2.h.
#include "kernels/avx2/direct/convolution_direct_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  if (const Refusal refusal = refuse_wide_bias(problem); refusal.why != nullptr) return {0, refusal};
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  const PanelWeights all{problem.weights, problem.shape.out_c, layout.segments, layout.segment_elems};
  if (!run_holds(all, largest_byte(problem), 1)) {
    return {0, {.why = "two products of neighbouring weights may exceed int16"}};
  }
  return {.cycles = estimate<BlockElement::kU8>(problem), .refusal = {}};
}

}  // namespace

const ConvolutionKernel kConvolutionU8{
    .name = "convolution_u8_6x16_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kBytes,
    .estimate = estimate<BlockElement::kU8>,
    .offer = offer,
    .channel_step = panel_channel_step,
    .packed_bytes = packed_bytes<BlockElement::kU8>,
    .pack = pack<BlockElement::kU8>,
    .workspace_bytes = workspace_bytes<BlockElement::kU8>,
    .run = run<BlockElement::kU8>,
};

}  // namespace narrow::kernels::avx2
