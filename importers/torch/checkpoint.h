// PyTorch checkpoints: the zip format of torch.save and the stream format before 1.6, read without Python.
//
// Every byte is hostile. Nothing in a file can execute: the unpickler knows tensors, storages, dicts, lists, tuples and
// plain values, and refuses everything else by name. docs/security.md says what is limited and why.
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

// Reads a file that holds a state_dict, or a dict with exactly one state_dict among its values.
// Errors: kIo, kMalformed (with the offset), kUnsupported (refused pickle global by name, unknown storage type),
// kLimit.
[[nodiscard]] Result<StateDict> read_checkpoint(const std::filesystem::path& path);

// The same from memory; `where` names the bytes in errors.
[[nodiscard]] Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where);

}  // namespace narrow::torch
