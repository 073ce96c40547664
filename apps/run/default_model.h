// The built-in model: models/cifar10_resnet20b.nrw.
#pragma once

#include <cstddef>
#include <span>

namespace narrow::cli {

[[nodiscard]] std::span<const std::byte> default_model_bytes();

}  // namespace narrow::cli
