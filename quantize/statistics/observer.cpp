#include "quantize/statistics/observer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace narrow::graph {

Error observer_of_another_kind() {
  return Error{ErrorCode::kInternal, "observers of different kinds cannot be merged", "observer"};
}

std::optional<Extremes> finite_extremes(std::span<const float> values) {
  if (values.empty()) return std::nullopt;
  // In lanes, which become one vector.
  constexpr std::size_t kLanes = 8;
  std::array<float, kLanes> min;
  std::array<float, kLanes> max;
  std::array<float, kLanes> nan{};  // 0 * x: NaN for infinity and NaN
  min.fill(values[0]);
  max.fill(values[0]);
  const auto take = [&](std::size_t lane, float value) {
    min[lane] = std::min(min[lane], value);
    max[lane] = std::max(max[lane], value);
    nan[lane] += 0 * value;
  };
  const std::size_t whole = values.size() - values.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, values[i + lane]);
  }
  for (std::size_t i = whole; i < values.size(); ++i) take(i - whole, values[i]);
  if (std::any_of(nan.begin(), nan.end(), [](float x) { return std::isnan(x); })) return std::nullopt;
  // Which of -0 and +0 is smaller depends on the order; adding +0 makes both +0.
  return Extremes{*std::min_element(min.begin(), min.end()) + 0.0F, *std::max_element(max.begin(), max.end()) + 0.0F};
}

}  // namespace narrow::graph
