// winograd_u8_2x2_avxvnni: see kernels/shared/winograd_vnni.h, with the tiles of convolution_tiles_avxvnni.h.
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/avxvnni/convolution_tiles_avxvnni.h"
#include "kernels/shared/winograd_vnni.h"

namespace narrow::kernels::avxvnni {

const ConvolutionKernel kWinogradU8{"winograd_u8_2x2_avxvnni",
                                    Isa::kAvxVnni,
                                    avx2::accepts_byte_winograd,
                                    vnni::ByteWinograd<Tiles>::cost,
                                    vnni::ByteWinograd<Tiles>::channel_step,
                                    vnni::ByteWinograd<Tiles>::packed_bytes,
                                    vnni::ByteWinograd<Tiles>::pack,
                                    vnni::ByteWinograd<Tiles>::workspace_bytes,
                                    vnni::ByteWinograd<Tiles>::run,
                                    avx2::kByteWinogradOutputs};

}  // namespace narrow::kernels::avxvnni
