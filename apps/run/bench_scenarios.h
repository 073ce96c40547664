// How images arrive while a network is measured: the scenarios of MLPerf Inference (Reddi et al., 2020), for one
// network in one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "apps/run/network.h"
#include "apps/run/statistics.h"
#include "narrow/result.h"

namespace narrow::cli {

enum class Scenario {
  kSingleStream,  // the next image arrives when the one before is done
  kOffline,       // all images are there at the start; they run in batches, one after the other
  // Images arrive at random times (a Poisson process). Those that wait run together, up to a batch.
  kServer,
};

// Preprocessed images that are run repeatedly: a whole number of batches.
struct BenchInputs {
  std::vector<float> values;
  std::size_t image_elems = 0;

  [[nodiscard]] std::size_t images() const { return values.size() / image_elems; }
  // `count` images that start at index `first`, modulo their number. count divides the number or is at most a batch.
  [[nodiscard]] std::span<const float> batch(std::size_t first, std::size_t count) const;
};

struct BenchLoad {
  Scenario scenario = Scenario::kSingleStream;
  int batch = 1;
  double rate = 0;         // Server: images per second
  std::uint64_t seed = 1;  // Server: seed of the times of arrival
  double seconds = 5;      // duration of the measurement
  std::size_t runs = 0;    // number of runs (Server: of images) to measure; 0: measure for `seconds`
};

struct BenchTimes {
  // In seconds. Server: of each image, from its arrival to its scores. Other scenarios: of each run.
  std::vector<double> latencies;
  std::vector<double> run_seconds;  // of each run of the network
  std::size_t images = 0;           // number of images that were run
  // From the start of the first image (Server: from the start of the measurement) to the end of the last
  double seconds = 0;
  // Server only.
  std::size_t arrived = 0;
  double last_arrival = 0;
  double backlog_seconds = 0;  // time that the network took after the last arrival, without its last run

  // Server: whether the network kept up with the rate. If it did not, the queue grew, and latencies depend on the
  // duration of the measurement.
  [[nodiscard]] bool held_rate() const { return images == arrived && backlog_seconds <= 0.02 * last_arrival; }
};

// Runs `warm_up` runs. A negative number means at least three runs, for about a third of a second. Returns the number
// of runs.
[[nodiscard]] Result<std::size_t> warm_up_network(Network& network, const BenchInputs& inputs, int batch, int warm_up);

// progress(share): called with the share of the work that is done, 0 to 1. A server that can't keep up is stopped after
// twice the requested time.
[[nodiscard]] Result<BenchTimes> run_scenario(Network& network, const BenchInputs& inputs, const BenchLoad& load,
                                              const std::function<void(double)>& progress);

// The time of an image, one after the other for so many seconds, after a warm-up.
[[nodiscard]] Result<Summary> time_one_by_one(Network& network, const BenchInputs& inputs, double seconds);

// The times of an image of several networks that are to be compared: in turns of eight images each, until each has run
// for so many seconds, so that what else the machine does meets all of them. A summary is over the medians of turns.
[[nodiscard]] Result<std::vector<Summary>> time_in_turns(std::span<Network* const> networks, const BenchInputs& inputs,
                                                         double seconds);

}  // namespace narrow::cli
