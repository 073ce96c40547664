// What `narrow bundle` and `narrow embed-source` wrote, as text and as JSON.
#pragma once

#include <cstddef>
#include <string>

namespace narrow::cli {

struct BundleReport {
  std::string model;
  std::string output;
  std::string command;  // that was copied; empty: this one
  std::size_t command_bytes = 0;
  std::size_t model_bytes = 0;
  std::size_t output_bytes = 0;
};
[[nodiscard]] std::string bundle_text(const BundleReport& report);
[[nodiscard]] std::string bundle_json(const BundleReport& report);

struct EmbedSourceReport {
  std::string model;
  std::string output;
  std::string function;
  std::size_t model_bytes = 0;
};
[[nodiscard]] std::string embed_source_text(const EmbedSourceReport& report);
[[nodiscard]] std::string embed_source_json(const EmbedSourceReport& report);

}  // namespace narrow::cli
