// convolution_u8_6x16_avx2: x * w in vpmaddubsw, half the depth steps of convolution_s16_6x16_avx2. It is exact only
// where no pair of products exceeds int16, because vpmaddubsw would saturate: 211 * 71 + 171 * 107 = 33278. The weights
// and the input range prove that. -zero_point * sum(w) is in the bias. See convolution_direct_avx2.h.
#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/direct/convolution_direct_avx2.h"
#include "kernels/avx2/shared/convolution_windows_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

bool accepts(const ConvolutionProblem& problem) {
  if (!fits_bytes(problem) || !folded_bias_fits(problem)) return false;
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  const PanelWeights all{problem.weights, problem.shape.out_c, layout.segments, layout.segment_elems};
  return windows_hold(all, largest_byte(problem), 1);
}

}  // namespace

const ConvolutionKernel kConvolutionU8{"convolution_u8_6x16_avx2",
                                       Isa::kAvx2,
                                       accepts,
                                       cost<BlockElement::kU8>,
                                       panel_channel_step,
                                       packed_bytes<BlockElement::kU8>,
                                       pack<BlockElement::kU8>,
                                       workspace_bytes<BlockElement::kU8>,
                                       run<BlockElement::kU8>};

}  // namespace narrow::kernels::avx2
