#include "quantize/calibrate.h"

#include <memory>
#include <utility>

#include "quantize/range_methods.h"
#include "quantize/statistics/channel_means.h"

namespace narrow::graph {
namespace {

// What is observed of one tensor in the one pass over the float network.
class TensorStatistic {
 public:
  TensorStatistic(ObserverKind kind, const Value& value)
      : range_(range_method(kind).make()), means_(static_cast<std::size_t>(value.shape.channels)) {}

  bool observe(std::span<const float> values) {
    if (!range_->observe(values)) return false;
    means_.observe(values);
    return true;
  }

  Status merge(const TensorStatistic& other) {
    NARROW_TRY(range_->merge(*other.range_));
    means_.merge(other.means_);
    return {};
  }

  [[nodiscard]] std::optional<Observation> observation() const {
    std::optional<Observation> seen = range_->range();
    if (seen) seen->channel_means = means_.means();
    return seen;
  }

 private:
  std::unique_ptr<Observer> range_;
  ChannelMeans means_;
};

}  // namespace

Result<std::vector<std::optional<Observation>>> observe(Activations& activations, ObserverKind kind) {
  NARROW_ASSIGN(const auto statistics, activations.collect<TensorStatistic>(
                                           [kind](const Value& value) { return TensorStatistic(kind, value); }));
  std::vector<std::optional<Observation>> observations;
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
