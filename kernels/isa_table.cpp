#include "kernels/isa_table.h"

namespace narrow::kernels {

const IsaTable& isa_table(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return *narrow_kernels_avx2();
    case Isa::kScalar:
      break;
  }
  return *narrow_kernels_scalar();
}

std::vector<const IsaTable*> isa_tables() { return {narrow_kernels_avx2(), narrow_kernels_scalar()}; }

}  // namespace narrow::kernels
