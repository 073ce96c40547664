#include "importers/onnx/lower/lowering.h"

#include <algorithm>

namespace narrow::onnx {

void Log::add(std::string line) { lines_.push_back(std::move(line)); }

void Log::add_layer(const std::string& line) {
  const auto known =
      std::find_if(layers_.begin(), layers_.end(), [&](const auto& entry) { return entry.first == line; });
  if (known == layers_.end()) {
    layers_.emplace_back(line, 1);
  } else {
    ++known->second;
  }
}

std::vector<std::string> Log::take() {
  for (const auto& [line, count] : layers_) {
    lines_.push_back(std::to_string(count) + (count == 1 ? " layer " : " layers ") + line);
  }
  return std::move(lines_);
}

}  // namespace narrow::onnx
