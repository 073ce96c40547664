#include "kernels/avx2/families_avx2.h"
#include "kernels/isa_table.h"

namespace narrow::kernels::avx2 {
namespace {

// The kernel with the lowest cost is chosen. Among equal costs it is the first of this list.
constexpr const ConvolutionKernel* kConvolutions[] = {
    &kDepthwiseU8,   &kDepthwiseU8WideBias, &kDepthwiseS16, &kPointwiseA16,   &kConvolutionA16,
    &kConvolutionU8, &kConvolutionMatched,  &kPointwiseS16, &kConvolutionS16, &kWinogradU8,
    &kWinogradS16,   &kWinograd3x3,         &kConvolutionW2};
constexpr const ConvolutionF32Kernel* kConvolutionsF32[] = {&kConvolutionF32};

IsaTable make_table() {
  IsaTable table{};
  table.isa = Isa::kAvx2;
  table.convolutions = kConvolutions;
  table.convolution_count = sizeof(kConvolutions) / sizeof(kConvolutions[0]);
  table.convolutions_f32 = kConvolutionsF32;
  table.convolution_f32_count = sizeof(kConvolutionsF32) / sizeof(kConvolutionsF32[0]);
  table.elementwise = elementwise();
  table.binary = binary();
  table.lookup = lookup();
  table.pixels = pixels();
  table.pool = pool();
  return table;
}

}  // namespace
}  // namespace narrow::kernels::avx2

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_avx2() {
  static const narrow::kernels::IsaTable table = narrow::kernels::avx2::make_table();
  return &table;
}
