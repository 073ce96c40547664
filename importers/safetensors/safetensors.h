// safetensors: named tensors after a JSON header. https://github.com/huggingface/safetensors, "Format".
//
// 8 bytes little-endian length N, N bytes of JSON ({"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__"}),
// then the tensors' bytes, without holes. Every byte is taken as hostile. docs/security.md lists the limits and their
// reasons.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "importers/weights/choose_weights.h"
#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::safetensors {

using importers::ChoiceOptions;
using importers::StateDict;
using importers::Tensor;

// Reads the tensors in the header's order, as float32. "module." is removed if every name starts with it. Metadata is
// skipped. Of several networks in a file one is chosen, see importers/weights/choose_weights.h.
// Errors: those of choose_weights(), kIo, kMalformed (with the byte or the tensor), kUnsupported (an element type that
// is not read, by name), kLimit.
[[nodiscard]] Result<StateDict> read_safetensors(const std::filesystem::path& path, const ChoiceOptions& choice = {});

// As above, from memory. where: name of the bytes in errors.
[[nodiscard]] Result<StateDict> parse_safetensors(std::span<const std::byte> bytes, const std::string& where,
                                                  const ChoiceOptions& choice = {});

// Writes the weights as a file: float32, sorted by name, data at a multiple of 8 bytes. The same weights give the same
// bytes. Error: a name that JSON can't hold (not UTF-8, or "__metadata__").
[[nodiscard]] Result<std::vector<std::byte>> write_safetensors(const StateDict& weights);

}  // namespace narrow::safetensors
