// Packed weights in a file beside their model, which processes map instead of packing anew. docs/model_format.md
// describes the bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan/packed_layers.h"
#include "engine/plan/stored_layers.h"
#include "kernels/costs.h"
#include "narrow/result.h"

namespace narrow::engine {

// What packed weights depend on, as text: the library, the layout of its kernels, the target and the model. identity:
// SharedLayers::identity(). Error: kInvalidArgument, the model has none.
[[nodiscard]] Result<std::string> packed_key(const std::string& identity, kernels::Target target);

// The bytes of a file. Packs the layers anew, so that what kernels leave between their weights is zero, and no memory
// of the process. max_bytes: of the packed weights. Errors: those of PackedLayers::pack.
[[nodiscard]] Result<std::vector<std::byte>> write_packed(const graph::Graph& graph, kernels::Target target,
                                                          const std::string& key, std::size_t max_bytes);

// Maps a file and checks all of it. Errors: kNotFound, kIo, kLimit (larger than max_bytes), kMalformed (no such file,
// or a damaged one), kInvalidArgument (another key).
[[nodiscard]] Result<std::shared_ptr<const StoredLayers>> open_packed(const std::filesystem::path& path,
                                                                      const std::string& key, std::size_t max_bytes);

}  // namespace narrow::engine
