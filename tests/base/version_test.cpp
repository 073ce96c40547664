#include "narrow/version.h"

#include <doctest/doctest.h>

#include <string>

namespace narrow {
inline namespace v0 {

TEST_CASE("the library and its headers have one version") {
  CHECK(version() == std::to_string(NARROW_VERSION_MAJOR) + "." + std::to_string(NARROW_VERSION_MINOR) + "." +
                         std::to_string(NARROW_VERSION_PATCH));
}

}  // namespace v0
}  // namespace narrow
