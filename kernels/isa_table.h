// What one ISA library offers; its accessor is the library's only exported symbol.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/binary.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"
#include "kernels/pool.h"

namespace narrow::kernels {

// Where an ISA has nothing faster, it offers the kernels of one whose features it includes. Only its own convolutions
// are here: rank_convolutions looks in the tables of all ISAs that it includes.
struct IsaTable {
  Isa isa;
  const ConvolutionKernel* const* convolutions;  // in the order that decides among equal costs
  std::size_t convolution_count;
  const ConvolutionF32Kernel* const* convolutions_f32;
  std::size_t convolution_f32_count;
  const ElementwiseKernels* elementwise;
  const BinaryKernels* binary;
  const LookupKernels* lookup;
  const PoolKernels* pool;
};

// The table of an ISA that kernels were compiled for. Any CPU can ask for it; only one with required_features(isa) can
// call the kernels in it, `offer` included.
[[nodiscard]] const IsaTable& isa_table(Isa isa);
// Of all compiled ISAs, fastest first, where they can be compared; the scalar reference is the last.
[[nodiscard]] std::vector<const IsaTable*> isa_tables();

}  // namespace narrow::kernels

// C linkage: one unmangled name per ISA library.
extern "C" {
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_scalar();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avx2();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avxvnni();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avx512vnni();
}
