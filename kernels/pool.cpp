#include "kernels/pool.h"

#include "kernels/isa_table.h"

namespace narrow::kernels {

const PoolKernels& pool_kernels(Isa isa) { return *isa_table(isa).pool; }

}  // namespace narrow::kernels
