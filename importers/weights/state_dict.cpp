#include "importers/weights/state_dict.h"

#include <algorithm>

namespace narrow::importers {

const Tensor* StateDict::find(std::string_view name) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == name; });
  return found == entries.end() ? nullptr : &found->second;
}

std::size_t module_prefix_bytes(std::span<const std::string_view> names) {
  constexpr std::string_view kPrefix = "module.";
  std::size_t bytes = 0;
  if (names.empty()) return bytes;
  while (std::all_of(names.begin(), names.end(),
                     [&](std::string_view name) { return name.substr(bytes, kPrefix.size()) == kPrefix; })) {
    bytes += kPrefix.size();
  }
  return bytes;
}

}  // namespace narrow::importers
