// What is declared from here to visibility_end.h is exported by the shared library. NARROW_SHARED is defined by its
// CMake target and its pkg-config file, NARROW_BUILDING by Narrow's own build. Included several times, so without
// #pragma once.
#if (defined(NARROW_SHARED) || defined(NARROW_BUILDING)) && defined(__GNUC__)
#pragma GCC visibility push(default)
#endif
