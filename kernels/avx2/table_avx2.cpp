#include "kernels/avx2/families_avx2.h"
#include "kernels/isa_table.h"

// The library is built with hidden visibility; this is the one symbol that is not.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_avx2() {
  using narrow::kernels::IsaTable;
  namespace isa = narrow::kernels::avx2;
  static const IsaTable table = [] {
    IsaTable filled{};
    filled.isa = narrow::Isa::kAvx2;
    filled.convolutions = isa::convolution_list(&filled.convolution_count);
    filled.convolutions_f32 = isa::convolution_f32_list(&filled.convolution_f32_count);
    filled.elementwise = isa::elementwise();
    filled.binary = isa::binary();
    filled.lookup = isa::lookup();
    filled.pool = isa::pool();
    return filled;
  }();
  return &table;
}
