// What a network does, in a few words.
#pragma once

#include <span>
#include <string>

#include "narrow/inspect.h"
#include "narrow/preprocess.h"

namespace narrow::cli {

// "resize 256 (antialiased bilinear), crop 224x224, mean 0.485 0.456 0.406, std 0.229 0.224 0.225".
[[nodiscard]] std::string preprocessing_text(const Preprocessing& preprocessing);
// "8-bit weights, 8-bit activations"; "4- and 8-bit" where layers differ, "float" where they stay in float.
[[nodiscard]] std::string bits_text(std::span<const LayerInfo> layers);
// "integer arithmetic", "float arithmetic", or the part of the network that stays in float.
[[nodiscard]] std::string arithmetic_text(std::span<const LayerInfo> layers);
// Whether the layer has float32 weights, or is an operator without weights that computes on float32.
[[nodiscard]] bool computes_in_float(const LayerInfo& layer);

}  // namespace narrow::cli
