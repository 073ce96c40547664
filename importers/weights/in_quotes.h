// Names out of a hostile file, made fit for an error message.
#pragma once

#include <string>
#include <string_view>

namespace narrow::importers {

// 'name' with anything but printable ASCII as \xNN (no terminal escapes get through), cut after 120 bytes.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace narrow::importers
