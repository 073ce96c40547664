#include "apps/run/bench_layers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "apps/run/statistics.h"
#include "base/try.h"
#include "narrow/inspect.h"

namespace narrow::cli {

namespace {

// The steps of the session as layers, without times. A layer that is fused with a step is its follower.
std::vector<LayerTime> layers_of(const Session& session, int batch) {
  std::map<std::string, LayerInfo> infos;
  for (LayerInfo& info : session.model().layers()) infos.emplace(info.name, std::move(info));
  std::vector<LayerTime> layers;
  for (const StepInfo& step : session.steps()) {
    const LayerInfo& info = infos[step.layer];
    if (step.fused_with.empty()) {
      LayerTime layer;
      layer.layer = step.layer;
      layer.detail = info.detail;
      layer.kernel = step.kernel;
      layer.parts = step.parts;
      layer.busiest_share = step.busiest_share;
      layer.mix = measure::mix_of_kernel(step.kernel);
      layers.push_back(std::move(layer));
    } else {
      layers.back().followers.push_back(step.layer);
    }
    layers.back().macs += info.macs * batch;
  }
  return layers;
}

std::vector<Peak> measure_peaks(const std::vector<LayerTime>& layers) {
  std::vector<Peak> peaks;
  for (const measure::InstructionMix mix : measure::available_mixes()) {
    const bool used = std::any_of(layers.begin(), layers.end(), [mix](const LayerTime& l) { return l.mix == mix; });
    if (used) peaks.push_back({mix, measure::measure_peak(mix)});
  }
  return peaks;
}

}  // namespace

Result<LayerTimes> time_layers(Session& session, const BenchInputs& inputs, int batch, int threads, std::size_t runs,
                               const std::function<void(double)>& progress) {
  LayerTimes times;
  times.layers = layers_of(session, batch);
  times.peaks = measure_peaks(times.layers);
  times.threads = threads;
  times.runs = std::max<std::size_t>(runs, 1);

  const auto count = static_cast<std::size_t>(batch);
  std::vector<float> scores(count * static_cast<std::size_t>(session.model().classes()));
  std::vector<std::int64_t> step_ns(times.layers.size());
  std::vector<std::vector<double>> seconds(times.layers.size());
  for (std::size_t run = 0; run < times.runs; ++run) {
    NARROW_TRY(session.profile(inputs.batch(run * count % inputs.images(), count), scores, step_ns));
    for (std::size_t i = 0; i < step_ns.size(); ++i) seconds[i].push_back(1e-9 * static_cast<double>(step_ns[i]));
    progress(static_cast<double>(run + 1) / static_cast<double>(times.runs));
  }
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    times.layers[i].seconds = std::max(summarize(std::move(seconds[i])).median, 1e-9);
    times.seconds += times.layers[i].seconds;
  }
  for (LayerTime& layer : times.layers) {
    layer.share = layer.seconds / times.seconds;
    const auto peak = std::find_if(times.peaks.begin(), times.peaks.end(),
                                   [&](const Peak& candidate) { return layer.mix == candidate.mix; });
    if (peak == times.peaks.end()) continue;
    layer.peak_share = layer.operations_per_second() / (peak->operations_per_second * threads);
    times.peak_share += layer.peak_share * layer.share;
  }
  return times;
}

}  // namespace narrow::cli
