// convolution_u8_avxvnni: see kernels/shared/convolution_vnni.h, with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/convolution_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kConvolutionU8{
    .name = "convolution_u8_avxvnni",
    .isa = Isa::kAvxVnni,
    .mix = InstructionMix::kDot,
    .estimate = vnni::Convolution<Tiles>::estimate,
    .offer = vnni::Convolution<Tiles>::offer,
    .channel_step = vnni::Convolution<Tiles>::channel_step,
    .packed_bytes = vnni::Convolution<Tiles>::packed_bytes,
    .pack = vnni::Convolution<Tiles>::pack,
    .workspace_bytes = vnni::Convolution<Tiles>::workspace_bytes,
    .run = vnni::Convolution<Tiles>::run,
};

}  // namespace narrow::kernels::avxvnni
