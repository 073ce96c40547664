// The two file formats of torch.save.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "importers/torch/checkpoint.h"

namespace narrow::torch {

// PyTorch 1.6 and later: a zip archive of `<folder>/data.pkl` and one `<folder>/data/<key>` per storage.
[[nodiscard]] Result<StateDict> parse_zip_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                                     const ChoiceOptions& choice);

// Before 1.6: pickles of a magic number, the protocol version, facts about the machine, the data and the list of
// storage keys, then each storage as its number of elements (int64) and its elements.
// Source: torch/serialization.py, _legacy_load.
[[nodiscard]] Result<StateDict> parse_stream_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                                        const ChoiceOptions& choice);

}  // namespace narrow::torch
