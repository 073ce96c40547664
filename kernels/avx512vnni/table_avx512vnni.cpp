#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/elementwise_avx512vnni.h"
#include "kernels/isa_table.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_avx512vnni() {
  using narrow::kernels::IsaTable;
  static const IsaTable table = [] {
    static constexpr const narrow::kernels::ConvolutionKernel* kConvolutions[] = {
        &narrow::kernels::avx512vnni::kDepthwise3x3, &narrow::kernels::avx512vnni::kDepthwiseU8,
        &narrow::kernels::avx512vnni::kPointwiseU8,  &narrow::kernels::avx512vnni::kConvolutionU8,
        &narrow::kernels::avx512vnni::kWinogradU8,   &narrow::kernels::avx512vnni::kWinogradS16};
    static narrow::kernels::BinaryKernels binary = *narrow_kernels_avx2()->binary;
    binary.add_name = "add_u8_64_avx512vnni";
    binary.add = narrow::kernels::avx512vnni::add_u8_64_avx512vnni;
    IsaTable filled = *narrow_kernels_avx2();
    filled.binary = &binary;
    filled.isa = narrow::Isa::kAvx512Vnni;
    filled.convolutions = kConvolutions;
    filled.convolution_count = sizeof(kConvolutions) / sizeof(kConvolutions[0]);
    return filled;
  }();
  return &table;
}
