// Ends what visibility_begin.h began.
#if (defined(NARROW_SHARED) || defined(NARROW_BUILDING)) && defined(__GNUC__)
#pragma GCC visibility pop
#endif
