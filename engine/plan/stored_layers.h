// Layers that were packed before, as a file holds them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "narrow/result.h"

namespace narrow::engine {

struct StoredLayer {
  std::string kernel;
  bool is_float = false;
  double cycles = 0;  // estimated; finite and not negative
  std::span<const std::byte> bytes;
};

struct StoredLayers {
  std::string path;                           // of the file, for errors
  std::map<std::size_t, StoredLayer> layers;  // by the index of their node in the graph
  std::shared_ptr<const void> owner;          // of the bytes

  [[nodiscard]] const StoredLayer* of(std::size_t node) const {
    const auto found = layers.find(node);
    return found == layers.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Error damaged(base::Pieces what) const {
    return {ErrorCode::kMalformed, base::joined({base::joined(what), "; make it again with narrow pack"}), path};
  }
};

}  // namespace narrow::engine
