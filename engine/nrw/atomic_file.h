// Files that are either complete or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "narrow/result.h"

namespace narrow::engine {

// Writes `bytes` to a temporary file beside `path`, syncs it, renames it to `path` and syncs the folder: whenever the
// process or the machine stops, `path` is the old file or the new one. On failure the temporary is removed.
// A replaced file hands on its permissions and, where the system allows, its owner; a symbolic link stays and its
// target is replaced. Errors: kNotFound (no such folder), kIo (not writable, a write-protected file, not a regular
// file, disk full).
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace narrow::engine
