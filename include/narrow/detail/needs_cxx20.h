// The C++ headers need C++20. This is the first error where it is not there.
#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "Narrow's C++ headers need C++20: compile with -std=c++20, by g++ 11 or clang++ 14 or newer. narrow.h is for C."
#endif
