// Finds numbers in a network's input that are none.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace narrow::engine {

// The index of the first element that is NaN or infinite; nothing: all are finite. About as fast as memory is read.
[[nodiscard]] std::optional<std::size_t> first_not_finite(std::span<const float> values);

}  // namespace narrow::engine
