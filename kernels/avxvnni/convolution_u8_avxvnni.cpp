// convolution_u8_avxvnni: kernels/shared/vnni/convolution_vnni.h with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/vnni/convolution_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kConvolutionU8 =
    vnni::Convolution<Tiles>::kernel("convolution_u8_avxvnni", Isa::kAvxVnni, InstructionMix::kDot);

}  // namespace narrow::kernels::avxvnni
