// Writes NumPy's .npy files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::cli {

// An array [height, width, channels] of float32 or uint8, format version 1.0, little-endian. Errors: those of
// OutputFile.
[[nodiscard]] Status write_npy(const std::filesystem::path& path, const TensorShape& shape,
                               std::span<const float> values);
[[nodiscard]] Status write_npy(const std::filesystem::path& path, const TensorShape& shape,
                               std::span<const std::uint8_t> values);

}  // namespace narrow::cli
