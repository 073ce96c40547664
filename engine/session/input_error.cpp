// The text of what input_check.cpp finds, which is rare and not compiled for speed.
#include <cmath>
#include <cstdint>
#include <string>

#include "engine/session/input_check.h"

namespace narrow::engine {

Status check_finite(std::span<const float> input, const TensorShape& shape) {
  const std::optional<std::size_t> bad = first_not_finite(input);
  if (!bad) return {};
  const auto at = static_cast<std::int64_t>(*bad);
  const float value = input[*bad];
  const std::int64_t pixel = at / shape.channels;
  return Error{ErrorCode::kInvalidArgument,
               std::string("is ") +
                   (std::isnan(value) ? "NaN"
                    : value > 0       ? "infinity"
                                      : "-infinity") +
                   " in image " + std::to_string(at / shape.elems()) + ", row " +
                   std::to_string(pixel / shape.width % shape.height) + ", column " +
                   std::to_string(pixel % shape.width) + ", channel " + std::to_string(at % shape.channels) +
                   " (element " + std::to_string(*bad) + ")",
               "input"};
}

}  // namespace narrow::engine
