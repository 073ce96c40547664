// Makes a StateDict from an unpickled document and its storages.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "importers/torch/checkpoint.h"
#include "importers/torch/pickle_value.h"
#include "importers/torch/unpickler.h"

namespace narrow::torch {

// Returns the bytes of a storage, exactly elems * element_bytes(dtype) of them. They are valid until the next call.
using LoadStorage = std::function<Result<std::span<const std::byte>>(const pickle::StorageRoot& root)>;

// Chooses the state dict in `document`, reads its tensors and converts them to float32. Each storage is loaded once.
// file_bytes: size of the whole file, which limits the memory of the tensors.
// Errors: no state dict, a tensor that is too large, errors of `load` and of choose_weights().
[[nodiscard]] Result<StateDict> read_state_dict(const pickle::Document& document, std::size_t file_bytes,
                                                const LoadStorage& load, const std::string& where,
                                                const ChoiceOptions& choice);

}  // namespace narrow::torch
