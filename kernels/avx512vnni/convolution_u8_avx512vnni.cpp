// convolution_u8_avx512vnni: kernels/shared/vnni/convolution_vnni.h with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/vnni/convolution_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kConvolutionU8 =
    vnni::Convolution<Tiles>::kernel("convolution_u8_avx512vnni", Isa::kAvx512Vnni, InstructionMix::kWideDot);

}  // namespace narrow::kernels::avx512vnni
