// How a network is asked to work while it is measured: the scenarios of MLPerf Inference (Reddi et al., 2020), on one
// network in one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "apps/run/network.h"
#include "narrow/result.h"

namespace narrow::cli {

enum class Scenario {
  kSingleStream,  // the next picture comes when the one before is done
  kOffline,       // all pictures are there: batches, one after the other
  kServer,        // pictures arrive at random times (a Poisson process); those that wait run together, up to a batch
};

// Preprocessed pictures to run, again and again: a whole number of batches.
struct BenchInputs {
  std::vector<float> values;
  std::size_t picture_elems = 0;

  [[nodiscard]] std::size_t pictures() const { return values.size() / picture_elems; }
  // `count` pictures that start at the `first`-th, modulo their number; count divides it or is at most a batch.
  [[nodiscard]] std::span<const float> batch(std::size_t first, std::size_t count) const;
};

struct BenchLoad {
  Scenario scenario = Scenario::kSingleStream;
  int batch = 1;
  double rate = 0;         // Server: pictures per second
  std::uint64_t seed = 1;  // Server: of the times of arrival
  double seconds = 5;      // how long to measure
  std::size_t runs = 0;    // how many runs (Server: pictures) to measure instead; 0: as `seconds` says
};

struct BenchTimes {
  // Seconds. Server: of each picture, from its arrival to its scores. Else of each run.
  std::vector<double> latencies;
  std::vector<double> run_seconds;  // of each run of the network
  std::size_t pictures = 0;         // that were run
  double seconds = 0;               // from the first picture's start (Server: from the start) to the last one's end
  // Server only.
  std::size_t arrived = 0;
  double last_arrival = 0;
  double backlog_seconds = 0;  // how long the network had to catch up after the last arrival, its last run aside

  // Server: the network kept up. Where it does not, the queue grows, and latencies only say how long it was left to.
  [[nodiscard]] bool held_rate() const { return pictures == arrived && backlog_seconds <= 0.02 * last_arrival; }
};

// Runs `warm_up` runs, or, where it is negative, for about a third of a second and at least three runs. Returns how
// many they were.
[[nodiscard]] Result<std::size_t> warm_up_network(Network& network, const BenchInputs& inputs, int batch, int warm_up);

// progress(share): how far it is, 0 to 1. A server that can't keep up is stopped after twice the time that was meant.
[[nodiscard]] Result<BenchTimes> run_scenario(Network& network, const BenchInputs& inputs, const BenchLoad& load,
                                              const std::function<void(double)>& progress);

}  // namespace narrow::cli
