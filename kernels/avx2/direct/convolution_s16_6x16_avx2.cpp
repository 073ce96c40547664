// convolution_s16_6x16_avx2: vpmaddwd multiplies x - zero_point and w. It is exact for any 8 x 8 bits. See
// convolution_direct_avx2.h.
#include "kernels/avx2/direct/convolution_direct_avx2.h"
#include "kernels/avx2/families_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  return {.cycles = estimate<BlockElement::kS16>(problem), .refusal = refuse_wide_ranges(problem)};
}

}  // namespace

const ConvolutionKernel kConvolutionS16{
    .name = "convolution_s16_6x16_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kWords,
    .estimate = estimate<BlockElement::kS16>,
    .offer = offer,
    .channel_step = panel_channel_step,
    .packed_bytes = packed_bytes<BlockElement::kS16>,
    .pack = pack<BlockElement::kS16>,
    .workspace_bytes = workspace_bytes<BlockElement::kS16>,
    .run = run<BlockElement::kS16>,
};

}  // namespace narrow::kernels::avx2
