// The model that is built into the command: models/cifar10_resnet20b.nrw.
#pragma once

#include <cstddef>
#include <span>

namespace narrow::cli {

[[nodiscard]] std::span<const std::byte> default_model_bytes();

}  // namespace narrow::cli
