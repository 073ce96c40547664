// From an unpickled document and its storages to a StateDict.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "importers/torch/checkpoint.h"
#include "importers/torch/pickle_value.h"
#include "importers/torch/unpickler.h"

namespace narrow::torch {

// Gives the bytes of a storage, exactly elems * element_bytes(dtype) of them. They stay valid until the next call.
using LoadStorage = std::function<Result<std::span<const std::byte>>(const pickle::StorageRoot& root)>;

// Finds the one state_dict in `document`, reads its tensors and converts them to float32. Each storage is loaded once.
// `file_bytes` is the size of the whole file: what tensors may occupy is limited by it.
// Errors: no state_dict, or more than one (names them), a tensor that is too large, what `load` says.
[[nodiscard]] Result<StateDict> read_state_dict(const pickle::Document& document, std::size_t file_bytes,
                                                const LoadStorage& load, const std::string& where);

}  // namespace narrow::torch
