// safetensors: named tensors behind a JSON header. https://github.com/huggingface/safetensors, "Format".
//
// 8 bytes little-endian length N, N bytes of JSON ({"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__"}),
// then the tensors' bytes, without holes. Every byte is hostile; docs/security.md says what is limited and why.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::safetensors {

using importers::StateDict;
using importers::Tensor;

// Tensors in the header's order, as float32; "module." is removed where every name has it. Metadata is read past.
// Errors: kIo, kMalformed (with the byte or the tensor), kUnsupported (an element type that is not read, by name),
// kLimit.
[[nodiscard]] Result<StateDict> read_safetensors(const std::filesystem::path& path);

// The same from memory; `where` names the bytes in errors.
[[nodiscard]] Result<StateDict> parse_safetensors(std::span<const std::byte> bytes, const std::string& where);

// The weights as a file: float32, sorted by name, data at a multiple of 8 bytes. The same weights give the same bytes.
// Error: a name that JSON can't hold (not UTF-8, or "__metadata__").
[[nodiscard]] Result<std::vector<std::byte>> write_safetensors(const StateDict& weights);

// True when the bytes begin like a file of this format. Used to tell formats apart.
[[nodiscard]] bool looks_like_safetensors(std::span<const std::byte> first_bytes);

}  // namespace narrow::safetensors
