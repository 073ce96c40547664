#include "kernels/isa_table.h"

namespace narrow::kernels {
namespace {

// Of the instruction sets that the build chose (NARROW_ISAS), fastest first. A library that is not linked must not be
// mentioned.
constexpr const IsaTable* (*kTables[])() = {
#ifdef NARROW_HAS_AMX
    narrow_kernels_amx,
#endif
#ifdef NARROW_HAS_AVX512VNNI
    narrow_kernels_avx512vnni,
#endif
#ifdef NARROW_HAS_AVXVNNI
    narrow_kernels_avxvnni,
#endif
#ifdef NARROW_HAS_AVX2
    narrow_kernels_avx2,
#endif
#ifdef NARROW_HAS_NEONDOT
    narrow_kernels_neondot,
#endif
#ifdef NARROW_HAS_NEON
    narrow_kernels_neon,
#endif
    narrow_kernels_scalar};

}  // namespace

// Sessions call this while they run, so it allocates nothing.
const IsaTable& isa_table(Isa isa) {
  for (const auto& table : kTables) {
    if (table()->isa == isa) return *table();
  }
  return *narrow_kernels_scalar();
}

std::vector<const IsaTable*> isa_tables() {
  std::vector<const IsaTable*> tables;
  for (const auto& table : kTables) tables.push_back(table());
  return tables;
}

std::vector<Isa> compiled_isas() {
  std::vector<Isa> isas;
  for (const IsaTable* table : isa_tables()) isas.insert(isas.begin(), table->isa);
  return isas;
}

const ElementwiseKernels& elementwise_kernels(Isa isa) { return *isa_table(isa).elementwise; }
const BinaryKernels& binary_kernels(Isa isa) { return *isa_table(isa).binary; }
const LookupKernels& lookup_kernels(Isa isa) { return *isa_table(isa).lookup; }
const PixelKernels& pixel_kernels(Isa isa) { return *isa_table(isa).pixels; }
const PoolKernels& pool_kernels(Isa isa) { return *isa_table(isa).pool; }

}  // namespace narrow::kernels
