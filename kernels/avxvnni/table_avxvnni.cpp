#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/isa_table.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_avxvnni() {
  using narrow::kernels::IsaTable;
  static const IsaTable table = [] {
    static constexpr const narrow::kernels::ConvolutionKernel* kConvolutions[] = {
        &narrow::kernels::avxvnni::kPointwiseU8, &narrow::kernels::avxvnni::kConvolutionU8,
        &narrow::kernels::avxvnni::kWinogradU8};
    IsaTable filled = *narrow_kernels_avx2();
    filled.isa = narrow::Isa::kAvxVnni;
    filled.convolutions = kConvolutions;
    filled.convolution_count = sizeof(kConvolutions) / sizeof(kConvolutions[0]);
    return filled;
  }();
  return &table;
}
