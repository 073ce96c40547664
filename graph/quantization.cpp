#include "graph/quantization.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {

QRange clamped_range(const Quantization& quantization, const Clamp& clamp) {
  const auto end = [&](float real) {
    const float steps = std::nearbyint(real / quantization.scale) + static_cast<float>(quantization.zero_point);
    const auto lo = static_cast<float>(quantization.range.lo);
    const auto hi = static_cast<float>(quantization.range.hi);
    return static_cast<std::int32_t>(std::min(std::max(steps, lo), hi));
  };
  return {end(clamp.lo), end(clamp.hi)};
}

}  // namespace narrow::graph
