// The version of the library.
#pragma once

#include <string_view>

// Of these headers. Compare with narrow::version(), which is that of the library that was linked.
#define NARROW_VERSION_MAJOR 0
#define NARROW_VERSION_MINOR 1
#define NARROW_VERSION_PATCH 0

namespace narrow {

// "0.1.0": major, minor and patch. Until 1.0.0 a minor version may change the interface; a patch never does.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace narrow
