// The elementwise family of this ISA, for its table.
#pragma once

#include "kernels/elementwise.h"

namespace narrow::kernels::avx2 {

[[nodiscard]] const ElementwiseKernels* elementwise();

}  // namespace narrow::kernels::avx2
