// The pooling family of this ISA, for its table.
#pragma once

#include "kernels/pool.h"

namespace narrow::kernels::scalar {

[[nodiscard]] const PoolKernels* pool();

}  // namespace narrow::kernels::scalar
