// Finds numbers in a network's input that are none.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

// The index of the first element that is NaN or infinite; nothing: all are finite. About as fast as memory is read.
[[nodiscard]] std::optional<std::size_t> first_not_finite(std::span<const float> values);

// Error: kInvalidArgument, where the first of them is: image, row, column, channel. shape: of one image.
[[nodiscard]] Status check_finite(std::span<const float> input, const TensorShape& shape);

}  // namespace narrow::engine
