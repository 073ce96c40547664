// A model as bytes and back.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model/model_data.h"
#include "narrow/result.h"

namespace narrow::engine {

// What `check_model` finds fine comes back equal from `read_model`.
[[nodiscard]] std::vector<std::byte> write_model(const ModelData& model);

// Checks everything before it is used. `where` names the bytes in errors. The weights stay among them, packed, if
// `store` keeps them; else they are copied, and nothing of the bytes is needed afterwards.
[[nodiscard]] Result<ModelData> read_model(std::span<const std::byte> bytes, const std::string& where,
                                           std::shared_ptr<const graph::ByteStore> store = nullptr);

// graph::validate, and what the rest of a model must be: preprocessing that fits the input, one label per class or
// none, text that can be stored.
[[nodiscard]] Status check_model(const ModelData& model);

}  // namespace narrow::engine
