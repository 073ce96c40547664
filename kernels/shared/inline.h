// Functions of inner loops. They are static, so that the linker never sees a copy that only some CPUs can run: see
// kernels/CMakeLists.txt.
#pragma once

#define NARROW_INLINE [[gnu::always_inline]] static inline
