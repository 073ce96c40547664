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

// Checks everything before it is used. where: name of the bytes in errors. store: owner of the bytes. With a store the
// weights stay packed where they are. Without one they are copied, and the bytes are not needed afterwards.
[[nodiscard]] Result<ModelData> read_model(std::span<const std::byte> bytes, const std::string& where,
                                           std::shared_ptr<const graph::ByteStore> store = nullptr);

// Checks the graph with graph::validate, that the preprocessing fits the input, that there is one label per class or
// none, and that texts can be stored.
[[nodiscard]] Status check_model(const ModelData& model);

}  // namespace narrow::engine
