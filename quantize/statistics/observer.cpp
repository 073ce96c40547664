#include "quantize/statistics/observer.h"

#include <Eigen/Core>
#include <cmath>

namespace narrow::graph {

Error observer_of_another_kind() {
  return Error{ErrorCode::kInternal, "observers of different kinds cannot be merged", "observer"};
}

std::optional<Extremes> finite_extremes(std::span<const float> values) {
  if (values.empty()) return std::nullopt;
  const Eigen::Map<const Eigen::ArrayXf> all(values.data(), static_cast<Eigen::Index>(values.size()));
  const float min = all.minCoeff<Eigen::PropagateNaN>();
  const float max = all.maxCoeff<Eigen::PropagateNaN>();
  if (!std::isfinite(min) || !std::isfinite(max)) return std::nullopt;
  // Which of -0 and +0 is smaller depends on the order; adding +0 makes both +0.
  return Extremes{min + 0.0F, max + 0.0F};
}

}  // namespace narrow::graph
