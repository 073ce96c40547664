// Files of other tools that people take for networks Narrow reads: told by their first bytes, each with the way to a
// file that Narrow reads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace narrow::importers {

// "looks like TensorFlow Lite; convert it to ONNX: ..."; nothing if the bytes are of no known kind. head: the first
// 4096 bytes of the file. path: its extension decides where bytes do not. is_read: the bytes may be those of a format
// that Narrow reads, so the extension decides nothing.
[[nodiscard]] std::optional<std::string> foreign_format(std::span<const std::byte> head,
                                                        const std::filesystem::path& path, bool is_read);

// What to name instead of the folder `path`: the network in it, or the way to convert a SavedModel. Empty if unknown.
[[nodiscard]] std::string folder_advice(const std::filesystem::path& path);

}  // namespace narrow::importers
