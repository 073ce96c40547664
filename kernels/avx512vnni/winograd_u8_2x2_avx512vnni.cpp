// winograd_u8_2x2_avx512vnni: see kernels/shared/winograd_vnni.h, with the tiles of convolution_tiles_avx512vnni.h.
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"
#include "kernels/shared/winograd_vnni.h"

namespace narrow::kernels::avx512vnni {

const ConvolutionKernel kWinogradU8{"winograd_u8_2x2_avx512vnni",
                                    Isa::kAvx512Vnni,
                                    avx2::accepts_byte_winograd,
                                    vnni::ByteWinograd<Tiles>::cost,
                                    vnni::ByteWinograd<Tiles>::channel_step,
                                    vnni::ByteWinograd<Tiles>::packed_bytes,
                                    vnni::ByteWinograd<Tiles>::pack,
                                    vnni::ByteWinograd<Tiles>::workspace_bytes,
                                    vnni::ByteWinograd<Tiles>::run,
                                    avx2::kByteWinogradOutputs};

}  // namespace narrow::kernels::avx512vnni
