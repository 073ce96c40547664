#include "apps/run/bench_scenarios.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <random>
#include <thread>

#include "base/try.h"

namespace narrow::cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Runs batches of the inputs, one after the other, on the same buffer of scores.
class Runner {
 public:
  Runner(Network& network, const BenchInputs& inputs, int batch)
      : network_(network),
        inputs_(inputs),
        classes_(static_cast<std::size_t>(network.classes())),
        scores_(static_cast<std::size_t>(batch) * classes_) {}

  Status run(std::size_t count) {
    Status status = network_.run(inputs_.batch(next_, count), std::span(scores_).first(count * classes_));
    next_ = (next_ + count) % inputs_.images();
    return status;
  }

 private:
  Network& network_;
  const BenchInputs& inputs_;
  std::size_t classes_;
  std::vector<float> scores_;
  std::size_t next_ = 0;
};

// Times of arrival, in seconds from the start. The gaps of a Poisson process are exponentially distributed.
class Arrivals {
 public:
  explicit Arrivals(const BenchLoad& load) : load_(load), random_(load.seed) { advance(); }

  // The arrival of the next image; infinity if there is none.
  [[nodiscard]] double next() const { return next_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] double last() const { return last_; }

  double take() {
    last_ = next_;
    ++count_;
    advance();
    return last_;
  }

 private:
  void advance() {
    // std::exponential_distribution differs between standard libraries, so the distribution is computed here.
    const double uniform = static_cast<double>(random_() >> 11) * 0x1p-53;
    next_ = last_ - std::log1p(-uniform) / load_.rate;
    const bool over = load_.runs > 0 ? count_ >= load_.runs : count_ > 0 && next_ > load_.seconds;
    if (over) next_ = std::numeric_limits<double>::infinity();
  }

  const BenchLoad& load_;
  std::mt19937_64 random_;
  double last_ = 0;
  double next_ = 0;
  std::size_t count_ = 0;
};

Result<BenchTimes> run_batches(Runner& runner, const BenchLoad& load, const std::function<void(double)>& progress) {
  BenchTimes times;
  const auto count = static_cast<std::size_t>(load.batch);
  const Clock::time_point start = Clock::now();
  Clock::time_point begin = start;
  const auto done = [&] {
    return load.runs > 0 ? static_cast<double>(times.latencies.size()) / static_cast<double>(load.runs)
                         : times.seconds / load.seconds;
  };
  while (done() < 1) {
    NARROW_TRY(runner.run(count));
    const Clock::time_point end = Clock::now();
    times.latencies.push_back(seconds_between(begin, end));
    times.seconds = seconds_between(start, end);
    times.images += count;
    progress(done());
    begin = Clock::now();
  }
  times.run_seconds = times.latencies;
  return times;
}

Result<BenchTimes> serve(Runner& runner, const BenchLoad& load, const std::function<void(double)>& progress) {
  BenchTimes times;
  Arrivals arrivals(load);
  std::deque<double> queue;  // times of arrival of the images that wait
  const double meant = load.runs > 0 ? static_cast<double>(load.runs) / load.rate : load.seconds;
  const Clock::time_point start = Clock::now();
  double last_run = 0;
  while (!queue.empty() || std::isfinite(arrivals.next())) {
    if (queue.empty() && arrivals.next() > seconds_between(start, Clock::now())) {
      std::this_thread::sleep_until(
          start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(arrivals.next())));
    }
    const double now = seconds_between(start, Clock::now());
    while (arrivals.next() <= now) queue.push_back(arrivals.take());
    if (queue.empty()) continue;
    const std::size_t count = std::min(queue.size(), static_cast<std::size_t>(load.batch));
    NARROW_TRY(runner.run(count));
    const double end = seconds_between(start, Clock::now());
    last_run = end - now;
    times.run_seconds.push_back(last_run);
    for (std::size_t i = 0; i < count; ++i) {
      times.latencies.push_back(end - queue.front());
      queue.pop_front();
    }
    times.images += count;
    times.seconds = end;
    progress(std::min(1.0, end / meant));
    if (end > 2 * meant + 1) {
      while (arrivals.next() <= end) queue.push_back(arrivals.take());
      break;
    }
  }
  times.arrived = times.images + queue.size();
  times.last_arrival = arrivals.last();
  times.backlog_seconds = std::max(0.0, times.seconds - times.last_arrival - last_run);
  return times;
}

}  // namespace

std::span<const float> BenchInputs::batch(std::size_t first, std::size_t count) const {
  const std::size_t begin = first + count <= images() ? first : 0;
  return std::span(values).subspan(begin * image_elems, count * image_elems);
}

Result<std::size_t> warm_up_network(Network& network, const BenchInputs& inputs, int batch, int warm_up) {
  constexpr double kSeconds = 0.3;
  constexpr std::size_t kRuns = 3;
  Runner runner(network, inputs, batch);
  const Clock::time_point start = Clock::now();
  std::size_t runs = 0;
  const auto wanted = [&] {
    if (warm_up >= 0) return runs < static_cast<std::size_t>(warm_up);
    return runs < kRuns || seconds_between(start, Clock::now()) < kSeconds;
  };
  for (; wanted(); ++runs) NARROW_TRY(runner.run(static_cast<std::size_t>(batch)));
  return runs;
}

Result<BenchTimes> run_scenario(Network& network, const BenchInputs& inputs, const BenchLoad& load,
                                const std::function<void(double)>& progress) {
  Runner runner(network, inputs, load.batch);
  return load.scenario == Scenario::kServer ? serve(runner, load, progress) : run_batches(runner, load, progress);
}

Result<Summary> time_one_by_one(Network& network, const BenchInputs& inputs, double seconds) {
  BenchLoad load;
  load.seconds = seconds;
  NARROW_ASSIGN([[maybe_unused]] const std::size_t runs, warm_up_network(network, inputs, 1, -1));
  NARROW_ASSIGN(const BenchTimes times, run_scenario(network, inputs, load, [](double) {}));
  return summarize(times.latencies);
}

Result<std::vector<Summary>> time_in_turns(std::span<Network* const> networks, const BenchInputs& inputs,
                                           double seconds) {
  constexpr std::size_t kImages = 8;
  constexpr std::size_t kFewestTurns = 3;
  for (Network* network : networks) {
    NARROW_ASSIGN([[maybe_unused]] const std::size_t runs, warm_up_network(*network, inputs, 1, -1));
  }
  std::vector<std::vector<double>> turns(networks.size());
  const Clock::time_point begin = Clock::now();
  const double all = seconds * static_cast<double>(networks.size());
  do {
    for (std::size_t n = 0; n < networks.size(); ++n) {
      Runner runner(*networks[n], inputs, 1);
      NARROW_TRY(runner.run(1));  // brings its weights into the caches
      std::vector<double> times;
      for (std::size_t i = 0; i < kImages; ++i) {
        const Clock::time_point start = Clock::now();
        NARROW_TRY(runner.run(1));
        times.push_back(seconds_between(start, Clock::now()));
      }
      turns[n].push_back(summarize(std::move(times)).median);
    }
  } while (turns.front().size() < kFewestTurns || seconds_between(begin, Clock::now()) < all);
  std::vector<Summary> summaries;
  for (std::vector<double>& of : turns) summaries.push_back(summarize(std::move(of)));
  return summaries;
}

}  // namespace narrow::cli
