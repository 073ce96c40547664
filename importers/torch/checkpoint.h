// PyTorch checkpoints: the zip format of torch.save and the stream format before 1.6, read without Python.
//
// Every byte is hostile. Nothing in a file can execute: the unpickler knows tensors, storages, dicts, lists, tuples and
// plain values, and refuses everything else by name. docs/security.md says what is limited and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narrow/result.h"

namespace narrow::torch {

// A tensor of the checkpoint as float32, contiguous in PyTorch's order (last dimension fastest). A scalar has no
// dimensions and one value. Integers and float64 are rounded to the nearest float32.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct StateDict {
  std::vector<std::pair<std::string, Tensor>> entries;  // file order, names unique and without "module."

  // The tensor of this name, or nullptr.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
};

// Reads a file that holds a state_dict, or a dict with exactly one state_dict among its values.
// Errors: kIo, kMalformed (with the offset), kUnsupported (refused pickle global by name, unknown storage type),
// kLimit.
[[nodiscard]] Result<StateDict> read_checkpoint(const std::filesystem::path& path);

// The same from memory; `where` names the bytes in errors.
[[nodiscard]] Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where);

}  // namespace narrow::torch
