/* The version of these headers, for C and C++. The only place where it stands. */
#ifndef NARROW_VERSION_MAJOR
#define NARROW_VERSION_MAJOR 0
#define NARROW_VERSION_MINOR 1
#define NARROW_VERSION_PATCH 0
#endif
