// Reads a whole file of weights.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "narrow/result.h"

namespace narrow::importers {

// Errors: kIo (a folder, not there, not readable), kLimit (2 GiB and more).
[[nodiscard]] Result<std::vector<std::byte>> read_weights_file(const std::filesystem::path& path);

}  // namespace narrow::importers
