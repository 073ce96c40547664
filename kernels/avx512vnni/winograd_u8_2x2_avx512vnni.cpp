// winograd_u8_2x2_avx512vnni: kernels/shared/vnni/winograd_vnni.h with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/vnni/winograd_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kWinogradU8 =
    vnni::ByteWinograd<Tiles>::kernel("winograd_u8_2x2_avx512vnni", Isa::kAvx512Vnni, InstructionMix::kWideDot);

}  // namespace narrow::kernels::avx512vnni
