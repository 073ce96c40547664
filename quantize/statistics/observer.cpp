#include "quantize/statistics/observer.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/statistics/exact_sum.h"

namespace narrow::graph {
namespace {

Error other_kind() { return Error{ErrorCode::kInternal, "observers of different kinds cannot be merged", "observer"}; }

// The extremes over all pictures.
class MinMaxObserver final : public Observer {
 public:
  bool observe(std::span<const float> values) override {
    const auto extremes = finite_extremes(values);
    if (!extremes) return false;
    take({extremes->min, extremes->max, 1});
    return true;
  }

  Status merge(const Observer& other) override {
    const auto* same = dynamic_cast<const MinMaxObserver*>(&other);
    if (same == nullptr) return other_kind();
    if (same->seen_.pictures > 0) take(same->seen_);
    return {};
  }

  [[nodiscard]] std::optional<Observation> range() const override {
    if (seen_.pictures == 0) return std::nullopt;
    return seen_;
  }

 private:
  void take(const Observation& more) {
    const bool first = seen_.pictures == 0;
    seen_.min = first ? more.min : std::min(seen_.min, more.min);
    seen_.max = first ? more.max : std::max(seen_.max, more.max);
    seen_.pictures += more.pictures;
  }

  Observation seen_;
};

// The cumulative moving average of each picture's extremes, which is their mean: after n pictures the average has moved
// by 1/n of the way to the n-th. The usual recurrence rounds at each step and so depends on the order; an exact sum,
// divided once, does not.
class MovingAverageObserver final : public Observer {
 public:
  bool observe(std::span<const float> values) override {
    const auto extremes = finite_extremes(values);
    if (!extremes) return false;
    min_.add(extremes->min);
    max_.add(extremes->max);
    ++pictures_;
    return true;
  }

  Status merge(const Observer& other) override {
    const auto* same = dynamic_cast<const MovingAverageObserver*>(&other);
    if (same == nullptr) return other_kind();
    min_.add(same->min_);
    max_.add(same->max_);
    pictures_ += same->pictures_;
    return {};
  }

  [[nodiscard]] std::optional<Observation> range() const override {
    if (pictures_ == 0) return std::nullopt;
    const auto mean = [this](const ExactSum& sum) {
      return static_cast<float>(sum.value() / static_cast<double>(pictures_));
    };
    return Observation{mean(min_), mean(max_), pictures_};
  }

 private:
  ExactSum min_;
  ExactSum max_;
  std::uint64_t pictures_ = 0;
};

}  // namespace

std::optional<Extremes> finite_extremes(std::span<const float> values) {
  if (values.empty()) return std::nullopt;
  const Eigen::Map<const Eigen::ArrayXf> all(values.data(), static_cast<Eigen::Index>(values.size()));
  const float min = all.minCoeff<Eigen::PropagateNaN>();
  const float max = all.maxCoeff<Eigen::PropagateNaN>();
  if (!std::isfinite(min) || !std::isfinite(max)) return std::nullopt;
  // Which of -0 and +0 is smaller depends on the order; adding +0 makes both +0.
  return Extremes{min + 0.0F, max + 0.0F};
}

std::unique_ptr<Observer> make_observer(ObserverKind kind) {
  if (kind == ObserverKind::kMovingAverage) return std::make_unique<MovingAverageObserver>();
  return std::make_unique<MinMaxObserver>();
}

}  // namespace narrow::graph
