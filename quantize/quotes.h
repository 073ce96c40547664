// Names in reports and errors.
#pragma once

#include <string>

namespace narrow::graph {

[[nodiscard]] inline std::string in_quotes(const std::string& name) { return "'" + name + "'"; }

}  // namespace narrow::graph
