#include "base/text.h"

#include <array>
#include <cstdio>

namespace narrow::graph {

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

std::string shape_text(const TensorShape& shape) {
  return "[" + std::to_string(shape.height) + ", " + std::to_string(shape.width) + ", " +
         std::to_string(shape.channels) + "]";
}

}  // namespace narrow::graph
