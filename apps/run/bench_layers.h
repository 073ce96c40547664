// Where a network's time goes, layer by layer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/bench_scenarios.h"
#include "measure/peak.h"
#include "narrow/session.h"

namespace narrow::cli {

struct LayerTime {
  std::string layer;
  std::string detail;  // "3x3 s2 p1 g1"
  std::string kernel;
  std::vector<std::string> followers;  // layers that are computed with it, a few rows at a time
  double seconds = 0;                  // of one run; the median
  double share = 0;                    // of all layers' seconds
  int parts = 1;                       // that threads are given
  double busiest_share = 1.0;          // of the estimated cost: what the thread with the most gets
  std::int64_t macs = 0;               // of one run
  std::optional<measure::InstructionMix> mix;
  double peak_share = 0;  // operations per second, of what `mix` reaches on as many cores as there are threads

  [[nodiscard]] double operations_per_second() const { return 2.0 * static_cast<double>(macs) / seconds; }
};

struct Peak {
  measure::InstructionMix mix{};
  double operations_per_second = 0;  // of one core
};

struct LayerTimes {
  std::vector<LayerTime> layers;  // in the order in which they run
  std::vector<Peak> peaks;        // those that the layers use
  std::size_t runs = 0;
  int threads = 1;
  double seconds = 0;     // of all layers
  double peak_share = 0;  // what the layers' operations would take at their peaks, of what all layers take
};

// Profiles `runs` runs of `batch` pictures, at least one.
[[nodiscard]] Result<LayerTimes> time_layers(Session& session, const BenchInputs& inputs, int batch, int threads,
                                             std::size_t runs, const std::function<void(double)>& progress);

}  // namespace narrow::cli
