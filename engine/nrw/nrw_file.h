// Writes a model to bytes and reads it back.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model/model_data.h"
#include "narrow/result.h"

namespace narrow::engine {

// A model that passes check_model() is read back equal by read_model().
[[nodiscard]] std::vector<std::byte> write_model(const ModelData& model);

// Checks everything before it is used. where: name of the bytes in errors. pages: owner of the bytes. With it the
// weights stay packed where they are. Without it they are copied to memory of `allocator`, and the bytes are not needed
// afterwards. identity: gets a text that only this network has, see SharedLayers::identity().
[[nodiscard]] Result<ModelData> read_model(std::span<const std::byte> bytes, const std::string& where,
                                           std::shared_ptr<const WeightPages> pages = nullptr,
                                           const Allocator& allocator = {}, std::string* identity = nullptr);

}  // namespace narrow::engine
