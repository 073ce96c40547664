// The version of the library.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <string_view>

// NARROW_VERSION_MAJOR, _MINOR and _PATCH: the version of these headers. narrow::version() is that of the linked
// library.
#include "narrow/detail/version_numbers.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// "0.1.0": major, minor and patch. Before 1.0.0 a minor version may change the interface. A patch version never does.
[[nodiscard]] std::string_view version() noexcept;

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
