#include "kernels/isa_table.h"
#include "kernels/scalar/families_scalar.h"

// The library is built with hidden visibility. This is the only visible symbol.
extern "C" __attribute__((visibility("default"))) const narrow::kernels::IsaTable* narrow_kernels_scalar() {
  using narrow::kernels::IsaTable;
  namespace isa = narrow::kernels::scalar;
  static const IsaTable table = [] {
    IsaTable filled{};
    filled.isa = narrow::Isa::kScalar;
    filled.convolutions = isa::convolution_list(&filled.convolution_count);
    filled.convolutions_f32 = isa::convolution_f32_list(&filled.convolution_f32_count);
    filled.elementwise = isa::elementwise();
    filled.binary = isa::binary();
    filled.lookup = isa::lookup();
    filled.pixels = isa::pixels();
    filled.pool = isa::pool();
    return filled;
  }();
  return &table;
}
