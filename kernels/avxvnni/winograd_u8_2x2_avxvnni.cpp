// winograd_u8_2x2_avxvnni: kernels/shared/vnni/winograd_vnni.h with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/vnni/winograd_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kWinogradU8 =
    vnni::ByteWinograd<Tiles>::kernel("winograd_u8_2x2_avxvnni", Isa::kAvxVnni, InstructionMix::kDot);

}  // namespace narrow::kernels::avxvnni
