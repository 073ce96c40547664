// Export of weights as a safetensors file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "narrow/event.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// The bytes of a safetensors file with the weights of a PyTorch checkpoint or safetensors file: float32, sorted by
// name. state_dict, architecture: which weights of the file, as in ArchitectureOptions, so that they are those of which
// FloatModel::load() makes a network. notes: gets what was chosen of several, and what was left out; may be null.
// Errors: those of reading the file; kNotFound for an unknown architecture; kInvalidArgument for a network (ONNX,
// .nrw), because safetensors holds only weights.
[[nodiscard]] Result<std::vector<std::byte>> to_safetensors(const std::filesystem::path& weights,
                                                            const std::string& state_dict = {},
                                                            const std::string& architecture = {},
                                                            std::vector<Event>* notes = nullptr);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
