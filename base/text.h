// Numbers and shapes as error messages show them.
#pragma once

#include <string>

#include "narrow/types.h"

namespace narrow::graph {

// Six significant digits, also of numbers that std::to_string would round to 0.
[[nodiscard]] std::string number_text(double value);
// "[height, width, channels]".
[[nodiscard]] std::string shape_text(const TensorShape& shape);

}  // namespace narrow::graph
