#include <algorithm>

#include "quantize/statistics/observer.h"

namespace narrow::graph {
namespace {

// The extremes over all images.
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
    if (same == nullptr) return observer_of_another_kind();
    if (same->seen_.images > 0) take(same->seen_);
    return {};
  }

  [[nodiscard]] std::optional<Observation> range() const override {
    if (seen_.images == 0) return std::nullopt;
    return seen_;
  }

 private:
  void take(const Observation& more) {
    const bool first = seen_.images == 0;
    seen_.min = first ? more.min : std::min(seen_.min, more.min);
    seen_.max = first ? more.max : std::max(seen_.max, more.max);
    seen_.images += more.images;
  }

  Observation seen_;
};

}  // namespace

std::unique_ptr<Observer> make_min_max_observer() { return std::make_unique<MinMaxObserver>(); }

}  // namespace narrow::graph
