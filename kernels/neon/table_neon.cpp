#include "kernels/isa_table.h"
#include "kernels/neon/families_neon.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_neon() {
  using narrow::kernels::IsaTable;
  static const IsaTable table = [] {
    static constexpr const narrow::kernels::ConvolutionKernel* kConvolutions[] = {
        &narrow::kernels::neon::kDepthwiseS16, &narrow::kernels::neon::kConvolutionS16};
    static constexpr const narrow::kernels::ConvolutionF32Kernel* kConvolutionsF32[] = {
        &narrow::kernels::neon::kConvolutionF32};
    IsaTable filled = *narrow_kernels_scalar();
    filled.isa = narrow::Isa::kNeon;
    filled.convolutions = kConvolutions;
    filled.convolution_count = sizeof(kConvolutions) / sizeof(kConvolutions[0]);
    filled.convolutions_f32 = kConvolutionsF32;
    filled.convolution_f32_count = sizeof(kConvolutionsF32) / sizeof(kConvolutionsF32[0]);
    filled.elementwise = narrow::kernels::neon::elementwise();
    filled.binary = narrow::kernels::neon::binary();
    filled.lookup = narrow::kernels::neon::lookup();
    filled.pool = narrow::kernels::neon::pool();
    return filled;
  }();
  return &table;
}
