// winograd_u8_2x2_avxvnni: see kernels/shared/winograd_vnni.h, with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/winograd_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kWinogradU8{
    .name = "winograd_u8_2x2_avxvnni",
    .isa = Isa::kAvxVnni,
    .mix = InstructionMix::kDot,
    .estimate = vnni::ByteWinograd<Tiles>::estimate,
    .offer = vnni::ByteWinograd<Tiles>::offer,
    .channel_step = vnni::ByteWinograd<Tiles>::channel_step,
    .packed_bytes = vnni::ByteWinograd<Tiles>::packed_bytes,
    .pack = vnni::ByteWinograd<Tiles>::pack,
    .workspace_bytes = vnni::ByteWinograd<Tiles>::workspace_bytes,
    .run = vnni::ByteWinograd<Tiles>::run,
    .row_step = avx2::kByteWinogradOutputs,
};

}  // namespace narrow::kernels::avxvnni
