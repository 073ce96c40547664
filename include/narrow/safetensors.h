// Export of weights as a safetensors file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "narrow/result.h"

namespace narrow {

// The bytes of a safetensors file with the weights of a PyTorch checkpoint or safetensors file: float32, sorted by
// name. Errors: those of reading the file; kInvalidArgument for a network (ONNX, .nrw), because safetensors holds only
// weights.
[[nodiscard]] Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights);

}  // namespace narrow
