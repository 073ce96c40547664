// convolution_u8_avxvnni: see kernels/shared/convolution_vnni.h, with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/convolution_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kConvolutionU8{"convolution_u8_avxvnni",
                                       Isa::kAvxVnni,
                                       vnni::accepts_panels,
                                       vnni::Convolution<Tiles>::cost,
                                       vnni::Convolution<Tiles>::channel_step,
                                       vnni::Convolution<Tiles>::packed_bytes,
                                       vnni::Convolution<Tiles>::pack,
                                       vnni::Convolution<Tiles>::workspace_bytes,
                                       vnni::Convolution<Tiles>::run};

}  // namespace narrow::kernels::avxvnni
