// The elementwise kernels of this folder. table_avx512vnni.cpp lists them; the others of its table are those of AVX2.
#pragma once

#include "kernels/binary.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

void add_u8_64_avx512vnni(const AddArgs& args);

}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
