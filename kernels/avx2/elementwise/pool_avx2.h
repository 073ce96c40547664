// The pooling family of this ISA, for its table.
#pragma once

#include "kernels/pool.h"

namespace narrow::kernels::avx2 {

[[nodiscard]] const PoolKernels* pool();

}  // namespace narrow::kernels::avx2
