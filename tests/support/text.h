// Looking at texts in tests.
#pragma once

#include <string>

namespace narrow::testing {

[[nodiscard]] inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace narrow::testing
