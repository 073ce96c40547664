#include "kernels/elementwise.h"

#include "kernels/isa_table.h"

namespace narrow::kernels {

const ElementwiseKernels& elementwise_kernels(Isa isa) { return *isa_table(isa).elementwise; }

}  // namespace narrow::kernels
