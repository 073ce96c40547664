// The binary family of this ISA, for its table.
#pragma once

#include "kernels/binary.h"

namespace narrow::kernels::avx2 {

[[nodiscard]] const BinaryKernels* binary();

}  // namespace narrow::kernels::avx2
