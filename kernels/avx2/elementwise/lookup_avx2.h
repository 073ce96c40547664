// The lookup family of this ISA, for its table.
#pragma once

#include "kernels/lookup.h"

namespace narrow::kernels::avx2 {

[[nodiscard]] const LookupKernels* lookup();

}  // namespace narrow::kernels::avx2
