// The binary family of this ISA, for its table.
#pragma once

#include "kernels/binary.h"

namespace narrow::kernels::scalar {

[[nodiscard]] const BinaryKernels* binary();

}  // namespace narrow::kernels::scalar
