// What `narrow bench` measured, as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/run/bench_frame.h"
#include "apps/run/bench_layers.h"
#include "apps/run/bench_scenarios.h"
#include "apps/run/network.h"
#include "apps/run/statistics.h"

namespace narrow::cli {

struct BenchReport {
  NetworkSummary network;
  std::string inputs;  // "random bytes", "64 images of ..."
  std::vector<std::string> notes;
  BenchLoad load;
  int threads = 1;
  int spin_us = 0;
  double latency_bound = 0;  // Server: in seconds; 0: none
  std::size_t warm_up_runs = 0;
  BenchTimes times;
  std::optional<FrameTimes> frames;
  std::optional<LayerTimes> layers;

  [[nodiscard]] double images_per_second() const { return static_cast<double>(times.images) / times.seconds; }
  // Server: whether the network kept up with the rate, and whether the latency is within its bound.
  [[nodiscard]] bool held(const Summary& latency) const {
    return times.held_rate() && (latency_bound == 0 || latency.p99 <= latency_bound);
  }
};

// "SingleStream": MLPerf's names.
[[nodiscard]] const char* scenario_name(Scenario scenario);
// Nothing if there is no such scenario. Upper and lower case are not distinguished.
[[nodiscard]] std::optional<Scenario> find_scenario(const std::string& name);

[[nodiscard]] std::string bench_text(const BenchReport& report);
[[nodiscard]] std::string bench_json(const BenchReport& report);

}  // namespace narrow::cli
