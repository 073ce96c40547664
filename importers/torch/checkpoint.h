// PyTorch checkpoints: the zip format of torch.save and the stream format before 1.6, read without Python.
//
// Every byte is taken as hostile. Nothing in a file can execute: the unpickler knows tensors, storages, dicts, lists,
// tuples and plain values, and keeps everything else as opaque data. docs/security.md lists the limits and their
// reasons.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "importers/weights/choose_weights.h"
#include "importers/weights/state_dict.h"
#include "narrow/result.h"

namespace narrow::torch {

using importers::ChoiceOptions;
using importers::StateDict;
using importers::Tensor;

// Reads the state dict of a file. It may lie within dicts, lists and objects of a training run, and a whole pickled
// module holds it too: its parameters and buffers are data. Of several state dicts one is chosen, see
// importers/weights/choose_weights.h.
// Errors: kIo, kMalformed (with the offset), kUnsupported (refused opcode), kLimit, those of choose_weights().
[[nodiscard]] Result<StateDict> read_checkpoint(const std::filesystem::path& path, const ChoiceOptions& choice = {});

// As above, from memory. where: name of the bytes in errors.
[[nodiscard]] Result<StateDict> parse_checkpoint(std::span<const std::byte> bytes, const std::string& where,
                                                 const ChoiceOptions& choice = {});

}  // namespace narrow::torch
