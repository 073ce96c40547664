#include "importers/weights/state_dict.h"

#include <algorithm>

namespace narrow::importers {

const Tensor* StateDict::find(std::string_view name) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == name; });
  return found == entries.end() ? nullptr : &found->second;
}

}  // namespace narrow::importers
