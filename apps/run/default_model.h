// The built-in model: models/cifar10_resnet20b.nrw or, in a bundle, its own.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace narrow::cli {

[[nodiscard]] std::span<const std::byte> default_model_bytes();
// Replaces it, before any other thread starts.
void set_default_model(std::vector<std::byte> bytes);

}  // namespace narrow::cli
