// convolution_u8_avx512vnni: see kernels/shared/convolution_vnni.h, with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/convolution_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kConvolutionU8{"convolution_u8_avx512vnni",
                                       Isa::kAvx512Vnni,
                                       vnni::accepts_panels,
                                       vnni::Convolution<Tiles>::cost,
                                       vnni::Convolution<Tiles>::channel_step,
                                       vnni::Convolution<Tiles>::packed_bytes,
                                       vnni::Convolution<Tiles>::pack,
                                       vnni::Convolution<Tiles>::workspace_bytes,
                                       vnni::Convolution<Tiles>::run};

}  // namespace narrow::kernels::avx512vnni
