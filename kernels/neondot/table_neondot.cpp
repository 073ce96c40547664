#include "kernels/isa_table.h"
#include "kernels/neondot/convolution_neondot.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_neondot() {
  using narrow::kernels::IsaTable;
  static const IsaTable table = [] {
    static constexpr const narrow::kernels::ConvolutionKernel* kConvolutions[] = {
        &narrow::kernels::neondot::kConvolutionS8};
    IsaTable filled = *narrow_kernels_neon();
    filled.isa = narrow::Isa::kNeonDot;
    filled.convolutions = kConvolutions;
    filled.convolution_count = sizeof(kConvolutions) / sizeof(kConvolutions[0]);
    return filled;
  }();
  return &table;
}
