#include "quantize/calibrate.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/try.h"
#include "quantize/range_methods.h"
#include "quantize/statistics/best_classes.h"
#include "quantize/statistics/channel_means.h"

namespace narrow::graph {
namespace {

// What is observed of one tensor in the one pass over the float network.
class TensorStatistic {
 public:
  TensorStatistic(const Value& value, bool with_histogram, bool is_scores)
      : extremes_(make_min_max_observer()),
        average_(make_moving_average_observer()),
        channels_(static_cast<std::size_t>(value.shape.channels)),
        means_(channels_),
        squares_(channels_),
        histogram_(with_histogram ? std::make_shared<Histogram>() : nullptr) {
    if (is_scores) best_classes_.emplace();
  }

  bool observe(std::span<const float> values) {
    if (!extremes_->observe(values) || !average_->observe(values)) return false;
    means_.observe(values);
    squares_.observe_squares(values);
    channel_extremes_.observe(channels_, values);
    if (histogram_) histogram_->observe(values);
    if (best_classes_) best_classes_->observe(values);
    return true;
  }

  Status merge(const TensorStatistic& other) {
    NARROW_TRY(extremes_->merge(*other.extremes_));
    NARROW_TRY(average_->merge(*other.average_));
    means_.merge(other.means_);
    squares_.merge(other.squares_);
    channel_extremes_.merge(other.channel_extremes_);
    if (histogram_) histogram_->merge(*other.histogram_);
    if (best_classes_) best_classes_->merge(*other.best_classes_);
    return {};
  }

  [[nodiscard]] std::optional<Observation> observation() const {
    std::optional<Observation> seen = extremes_->range();
    if (!seen) return seen;
    seen->channel_means = means_.means();
    seen->channel_squares = squares_.means();
    seen->channels = channel_extremes_;
    if (const auto average = average_->range()) seen->average = average->extremes();
    seen->histogram = histogram_;
    if (best_classes_) seen->largest = best_classes_->images();
    return seen;
  }

 private:
  std::unique_ptr<Observer> extremes_;
  std::unique_ptr<Observer> average_;
  std::size_t channels_;
  ChannelMeans means_;
  ChannelMeans squares_;
  ChannelExtremes channel_extremes_;
  std::shared_ptr<Histogram> histogram_;
  std::optional<BestClasses> best_classes_;
};

}  // namespace

Result<std::vector<std::optional<Observation>>> observe(Activations& activations, ObserverKind kind) {
  const bool with_histogram = range_method(kind).needs_histogram;
  const Value* scores = &activations.graph().value(activations.graph().output);
  NARROW_ASSIGN(const auto statistics, activations.collect<TensorStatistic>([&](const Value& value) {
    return TensorStatistic(value, with_histogram, &value == scores);
  }));
  std::vector<std::optional<Observation>> observations;
  observations.reserve(statistics.size());
  for (const auto& statistic : statistics) {
    observations.push_back(statistic ? statistic->observation() : std::nullopt);
  }
  return observations;
}

Result<std::vector<std::optional<Observation>>> calibrate(
    const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind, int threads,
    const std::function<void(std::size_t, std::size_t)>& progress) {
  NARROW_ASSIGN(Activations activations, Activations::create(graph, inputs, {threads, 0, progress}));
  return observe(activations, kind);
}

}  // namespace narrow::graph
