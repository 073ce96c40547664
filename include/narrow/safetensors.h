// Weights for others, as a safetensors file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "narrow/result.h"

namespace narrow {

// The weights of a PyTorch checkpoint or safetensors file as the bytes of a safetensors file: float32, sorted by name.
// Errors: as reading them; kInvalidArgument for a network (ONNX, .nrw), of which safetensors holds only a part.
[[nodiscard]] Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights);

}  // namespace narrow
