// PyTorch checkpoints: the zip format of torch.save and the stream format before 1.6, read without Python.
//
// Every byte is taken as hostile. Nothing in a file can execute: the unpickler knows tensors, storages, dicts, lists,
// tuples and plain values, and refuses everything else by name. docs/security.md lists the limits and their reasons.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::torch {

using importers::StateDict;
using importers::Tensor;

// Reads a file that holds a state dict, or a dict with exactly one state dict among its values.
// Errors: kIo, kMalformed (with the offset), kUnsupported (refused pickle global by name, unknown storage type),
// kLimit.
[[nodiscard]] Result<StateDict> read_checkpoint(const std::filesystem::path& path);

// As above, from memory. where: name of the bytes in errors.
[[nodiscard]] Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where);

}  // namespace narrow::torch
