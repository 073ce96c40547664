// Export of weights as a safetensors file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// The bytes of a safetensors file with the weights of a PyTorch checkpoint or safetensors file: float32, sorted by
// name. state_dict: which weights of the file, as in ArchitectureOptions; empty: the only ones. Errors: those of
// reading the file; kInvalidArgument for several state dicts without a key (lists the keys), and for a network (ONNX,
// .nrw), because safetensors holds only weights.
[[nodiscard]] Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights,
                                                            const std::string& state_dict = {});

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
