#include "kernels/lookup.h"

#include "kernels/isa_table.h"

namespace narrow::kernels {

const LookupKernels& lookup_kernels(Isa isa) { return *isa_table(isa).lookup; }

}  // namespace narrow::kernels
