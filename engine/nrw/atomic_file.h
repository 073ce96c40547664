// Writes a file so that it is complete or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "narrow/result.h"

namespace narrow::engine {

// Writes `bytes` to a temporary file in the folder of `path`, syncs it, renames it to `path` and syncs the folder.
// Whenever the process or the machine stops, `path` is the old file or the new one. On failure the temporary file is
// removed. The new file takes the permissions of the file that it replaces and, where the system allows, its owner. If
// `path` is a symbolic link, its target is replaced.
// Errors: kNotFound (no such folder), kIo (not writable, a write-protected file, not a regular file, disk full).
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace narrow::engine
