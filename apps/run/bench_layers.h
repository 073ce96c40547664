// The time of each layer of a network.
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
  std::vector<std::string> followers;  // layers that are fused with it, computed a few rows at a time
  double seconds = 0;                  // of one run, the median
  double share = 0;                    // of the seconds of all layers
  int parts = 1;                       // the number of parts for the threads
  double busiest_share = 1.0;          // share of the estimated cost that the busiest thread has
  std::int64_t macs = 0;               // of one run
  std::optional<measure::InstructionMix> mix;
  // Operations per second, relative to the peak of `mix` on as many cores as there are threads
  double peak_share = 0;

  [[nodiscard]] double operations_per_second() const { return 2.0 * static_cast<double>(macs) / seconds; }
};

struct Peak {
  measure::InstructionMix mix{};
  double operations_per_second = 0;  // of one core
};

struct LayerTimes {
  std::vector<LayerTime> layers;  // in the order in which they run
  std::vector<Peak> peaks;        // of the instruction mixes that the layers use
  std::size_t runs = 0;
  int threads = 1;
  double seconds = 0;  // of all layers
  // The time that the operations of all layers take at their peaks, relative to the time that all layers take
  double peak_share = 0;
};

// Profiles `runs` runs of `batch` images, at least one.
[[nodiscard]] Result<LayerTimes> time_layers(Session& session, const BenchInputs& inputs, int batch, int threads,
                                             std::size_t runs, const std::function<void(double)>& progress);

}  // namespace narrow::cli
