#include "kernels/isa_table.h"

namespace narrow::kernels {

const IsaTable& isa_table(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return *narrow_kernels_avx2();
    case Isa::kAvxVnni:
      return *narrow_kernels_avxvnni();
    case Isa::kAvx512Vnni:
      return *narrow_kernels_avx512vnni();
    case Isa::kScalar:
      break;
  }
  return *narrow_kernels_scalar();
}

std::vector<const IsaTable*> isa_tables() {
  return {narrow_kernels_avx512vnni(), narrow_kernels_avxvnni(), narrow_kernels_avx2(), narrow_kernels_scalar()};
}

const ElementwiseKernels& elementwise_kernels(Isa isa) { return *isa_table(isa).elementwise; }
const BinaryKernels& binary_kernels(Isa isa) { return *isa_table(isa).binary; }
const LookupKernels& lookup_kernels(Isa isa) { return *isa_table(isa).lookup; }
const PoolKernels& pool_kernels(Isa isa) { return *isa_table(isa).pool; }

}  // namespace narrow::kernels
