// winograd_u8_2x2_avx512vnni: see kernels/shared/winograd_vnni.h, with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/winograd_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kWinogradU8{
    .name = "winograd_u8_2x2_avx512vnni",
    .isa = Isa::kAvx512Vnni,
    .mix = InstructionMix::kWideDot,
    .estimate = vnni::ByteWinograd<Tiles>::estimate,
    .offer = vnni::ByteWinograd<Tiles>::offer,
    .channel_step = vnni::ByteWinograd<Tiles>::channel_step,
    .packed_bytes = vnni::ByteWinograd<Tiles>::packed_bytes,
    .pack = vnni::ByteWinograd<Tiles>::pack,
    .workspace_bytes = vnni::ByteWinograd<Tiles>::workspace_bytes,
    .run = vnni::ByteWinograd<Tiles>::run,
    .row_step = avx2::kByteWinogradOutputs,
};

}  // namespace narrow::kernels::avx512vnni
