#include "quantize/statistics/exact_sum.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {
namespace {

// The cumulative moving average of each image's extremes, which is their mean: after n images the average has moved
// by 1/n of the way to the n-th. The usual recurrence rounds at each step and so depends on the order; an exact sum,
// divided once, does not.
class MovingAverageObserver final : public Observer {
 public:
  bool observe(std::span<const float> values) override {
    const auto extremes = finite_extremes(values);
    if (!extremes) return false;
    min_.add(extremes->min);
    max_.add(extremes->max);
    ++images_;
    return true;
  }

  Status merge(const Observer& other) override {
    const auto* same = dynamic_cast<const MovingAverageObserver*>(&other);
    if (same == nullptr) return observer_of_another_kind();
    min_.add(same->min_);
    max_.add(same->max_);
    images_ += same->images_;
    return {};
  }

  [[nodiscard]] std::optional<Observation> range() const override {
    if (images_ == 0) return std::nullopt;
    const auto mean = [this](const ExactSum& sum) {
      return static_cast<float>(sum.value() / static_cast<double>(images_));
    };
    return Observation{mean(min_), mean(max_), images_};
  }

 private:
  ExactSum min_;
  ExactSum max_;
  std::uint64_t images_ = 0;
};

}  // namespace

std::unique_ptr<Observer> make_moving_average_observer() { return std::make_unique<MovingAverageObserver>(); }

}  // namespace narrow::graph
