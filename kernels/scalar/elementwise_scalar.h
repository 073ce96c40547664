// The elementwise family of this ISA, for its table.
#pragma once

#include "kernels/elementwise.h"

namespace narrow::kernels::scalar {

[[nodiscard]] const ElementwiseKernels* elementwise();

}  // namespace narrow::kernels::scalar
