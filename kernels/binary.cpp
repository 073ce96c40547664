#include "kernels/binary.h"

#include "kernels/isa_table.h"

namespace narrow::kernels {

const BinaryKernels& binary_kernels(Isa isa) { return *isa_table(isa).binary; }

}  // namespace narrow::kernels
