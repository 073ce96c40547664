// convolution_s16_6x16_avx2: (x - zero_point) * w in vpmaddwd, exact for any 8 x 8 bits. See
// convolution_direct_avx2.h.
#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/direct/convolution_direct_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

bool accepts(const ConvolutionProblem& problem) { return fits_bytes(problem); }

}  // namespace

const ConvolutionKernel kConvolutionS16{"convolution_s16_6x16_avx2",
                                        Isa::kAvx2,
                                        accepts,
                                        cost<BlockElement::kS16>,
                                        panel_channel_step,
                                        packed_bytes<BlockElement::kS16>,
                                        pack<BlockElement::kS16>,
                                        workspace_bytes<BlockElement::kS16>,
                                        run<BlockElement::kS16>};

}  // namespace narrow::kernels::avx2
