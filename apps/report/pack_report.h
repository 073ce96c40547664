// What `narrow pack` wrote, as text and as JSON.
#pragma once

#include <cstdint>
#include <string>

namespace narrow::cli {

struct PackReport {
  std::string model;
  std::string output;
  std::string isa;
  std::string core;
  std::uintmax_t output_bytes = 0;
};
[[nodiscard]] std::string pack_text(const PackReport& report);
[[nodiscard]] std::string pack_json(const PackReport& report);

}  // namespace narrow::cli
