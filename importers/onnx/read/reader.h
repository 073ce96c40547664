// Reads ONNX files into plain data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// Reads a file and the external data files that it names (only from its own folder and below). Errors: kIo, kMalformed
// (no ONNX file, cycles, names read but never computed or computed twice, tensors whose bytes do not match their
// dimensions, external data outside the folder), kUnsupported (opset older than 7, loops, functions of another opset),
// kLimit.
[[nodiscard]] Result<Model> read_model(const std::filesystem::path& path);

// The same from memory. Without a folder, external data is an error. where: name of the bytes in errors.
[[nodiscard]] Result<Model> parse_model(std::span<const std::byte> bytes, const std::string& where,
                                        const std::optional<std::filesystem::path>& folder = std::nullopt);

}  // namespace narrow::onnx
