// convolution_u8_avx512vnni: see kernels/shared/convolution_vnni.h, with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/convolution_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kConvolutionU8{
    .name = "convolution_u8_avx512vnni",
    .isa = Isa::kAvx512Vnni,
    .mix = InstructionMix::kWideDot,
    .estimate = vnni::Convolution<Tiles>::estimate,
    .offer = vnni::Convolution<Tiles>::offer,
    .channel_step = vnni::Convolution<Tiles>::channel_step,
    .packed_bytes = vnni::Convolution<Tiles>::packed_bytes,
    .pack = vnni::Convolution<Tiles>::pack,
    .workspace_bytes = vnni::Convolution<Tiles>::workspace_bytes,
    .run = vnni::Convolution<Tiles>::run,
};

}  // namespace narrow::kernels::avx512vnni
