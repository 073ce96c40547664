// The lookup family of this ISA, for its table.
#pragma once

#include "kernels/lookup.h"

namespace narrow::kernels::scalar {

[[nodiscard]] const LookupKernels* lookup();

}  // namespace narrow::kernels::scalar
