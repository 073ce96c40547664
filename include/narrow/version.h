// The version of the library.
#pragma once

#include <string_view>

// The version of these headers. narrow::version() is that of the linked library.
#define NARROW_VERSION_MAJOR 0
#define NARROW_VERSION_MINOR 1
#define NARROW_VERSION_PATCH 0

namespace narrow {

// "0.1.0": major, minor and patch. Before 1.0.0 a minor version may change the interface. A patch version never does.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace narrow
