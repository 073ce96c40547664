#include "kernels/amx/convolution_amx.h"
#include "kernels/isa_table.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_amx() {
  using narrow::kernels::IsaTable;
  static const IsaTable table = [] {
    static constexpr const narrow::kernels::ConvolutionKernel* kConvolutions[] = {
        &narrow::kernels::amx::kConvolutionU8};
    IsaTable filled = *narrow_kernels_avx512vnni();
    filled.isa = narrow::Isa::kAmx;
    filled.convolutions = kConvolutions;
    filled.convolution_count = 1;
    return filled;
  }();
  return &table;
}
