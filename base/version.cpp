#include "narrow/version.h"

namespace narrow {
inline namespace v0 {

#define NARROW_TEXT_OF(number) #number
#define NARROW_VERSION_TEXT(major, minor, patch) \
  NARROW_TEXT_OF(major) "." NARROW_TEXT_OF(minor) "." NARROW_TEXT_OF(patch)

std::string_view version() noexcept {
  return NARROW_VERSION_TEXT(NARROW_VERSION_MAJOR, NARROW_VERSION_MINOR, NARROW_VERSION_PATCH);
}

}  // namespace v0
}  // namespace narrow
