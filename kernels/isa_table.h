// The kernels of one ISA library. Its accessor is the library's only exported symbol.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/binary.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"
#include "kernels/pixels.h"
#include "kernels/pool.h"

namespace narrow::kernels {

// If an ISA has no faster kernel, its table holds a kernel of an ISA whose features it includes. Convolutions are the
// exception: the table holds its own only, because rank_convolutions reads the tables of all included ISAs.
struct IsaTable {
  Isa isa;
  const ConvolutionKernel* const* convolutions;  // the order decides among equal costs
  std::size_t convolution_count;
  const ConvolutionF32Kernel* const* convolutions_f32;
  std::size_t convolution_f32_count;
  const ElementwiseKernels* elementwise;
  const BinaryKernels* binary;
  const LookupKernels* lookup;
  const PixelKernels* pixels;
  const PoolKernels* pool;
};

// The table of an ISA with compiled kernels; of another, the scalar reference's. It can be read on any CPU. Its
// kernels, including `offer`, run only on a CPU with required_features(isa).
[[nodiscard]] const IsaTable& isa_table(Isa isa);
// The tables of all compiled ISAs, fastest first where they are comparable. The scalar reference is the last.
[[nodiscard]] std::vector<const IsaTable*> isa_tables();

}  // namespace narrow::kernels

// C linkage: one unmangled name for each ISA library.
extern "C" {
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_scalar();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avx2();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avxvnni();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_avx512vnni();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_amx();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_neon();
[[nodiscard]] const narrow::kernels::IsaTable* narrow_kernels_neondot();
}
