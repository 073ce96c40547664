// Names from a hostile file, made harmless for an error message.
#pragma once

#include <string>
#include <string_view>

namespace narrow::importers {

// Returns 'name' in quotes, cut after 120 bytes, with everything but printable ASCII as \xNN. So no terminal escape is
// printed.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace narrow::importers
