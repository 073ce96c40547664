// What the network computes on the calibration images.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::graph {

struct ActivationsOptions {
  int threads = 1;               // images that are computed at the same time
  std::size_t memory_bytes = 0;  // for decoded images that are kept for the next pass; 0: every pass decodes anew
  // progress(done, total) of one pass; called from one thread at a time, `done` ascending by one; may be empty.
  std::function<void(std::size_t, std::size_t)> progress;
  const Cancellation* cancellation = nullptr;
};

// Runs the float network on all calibration images and feeds statistics with its tensors. Images are divided into
// shards, the same for any number of threads, and the statistics of the shards are merged in the order of the shards:
// results do not depend on threads, even for statistics whose sums round. Memory does not grow with the number of
// images but for those that are kept decoded.
class Activations {
 public:
  // Borrows everything. Errors: no images, threads < 1.
  static Result<Activations> create(const Graph& graph, const CalibrationInputs& inputs, ActivationsOptions options);

  [[nodiscard]] const Cancellation* cancellation() const { return options_.cancellation; }
  [[nodiscard]] const Graph& graph() const { return *graph_; }
  // Runs another network from now on, with an input of the same shape. Decoded images stay. Borrows the graph.
  void run_on(const Graph& graph) { graph_ = &graph; }
  [[nodiscard]] std::size_t images() const { return inputs_->count; }

  // Writes the input of an image, [height, width, channels]; keeps it where the budget allows. Threads may ask for
  // different images at the same time. Errors: that of `inputs.fill`; kCancelled.
  Status fill(std::size_t image, std::span<float> out);

  // One pass. `make(value)` makes the empty statistic of a tensor; a Statistic has
  //   bool observe(std::span<const float>)   takes one image's tensor; false: it holds a number that is not finite
  //   Status merge(const Statistic&)         adds what another one has seen
  // The result is indexed by ValueId; nothing for tensors that the output does not depend on. Errors: what
  // FloatExecutor::create finds, an error of `inputs.fill` (as it is), an image or tensor that is not finite
  // (kInvalidArgument, names both): that of the first image that has one, whatever the number of threads.
  template <class Statistic, class Make>
  [[nodiscard]] Result<std::vector<std::optional<Statistic>>> collect(const Make& make) {
    using All = std::vector<std::optional<Statistic>>;
    std::vector<All> shards(shard_count());
    All merged(graph_->values.size());
    std::vector<bool> finished(shards.size(), false);
    std::size_t next = 0;  // the shard to merge next
    std::mutex mutex;
    const auto tap = [&](std::size_t shard, ValueId id, std::span<const float> values) {
      auto& statistic = shards[shard][static_cast<std::size_t>(id)];
      if (!statistic) statistic.emplace(make(graph_->value(id)));
      return statistic->observe(values);
    };
    const auto start = [&](std::size_t shard) { shards[shard].resize(graph_->values.size()); };
    const auto finish = [&](std::size_t shard) -> Status {
      const std::lock_guard lock(mutex);
      finished[shard] = true;
      for (; next < shards.size() && finished[next]; ++next) {
        NARROW_TRY(merge<Statistic>(std::exchange(shards[next], {}), merged));
      }
      return {};
    };
    NARROW_TRY(run(Pass{start, tap, finish}));
    return merged;
  }

 private:
  // What a pass does with shards of images. `tap` is called by one thread at a time for each shard.
  struct Pass {
    std::function<void(std::size_t shard)> start;
    std::function<bool(std::size_t shard, ValueId id, std::span<const float> values)> tap;
    std::function<Status(std::size_t shard)> finish;
  };
  class Worker;

  Activations(const Graph& graph, const CalibrationInputs& inputs, ActivationsOptions options);

  [[nodiscard]] std::size_t shard_count() const;
  Status run(const Pass& pass);

  template <class Statistic>
  static Status merge(std::vector<std::optional<Statistic>> shard, std::vector<std::optional<Statistic>>& merged) {
    for (std::size_t v = 0; v < shard.size(); ++v) {
      if (!shard[v]) continue;
      if (!merged[v]) {
        merged[v] = std::move(shard[v]);
      } else {
        NARROW_TRY(merged[v]->merge(*shard[v]));
      }
    }
    return {};
  }

  const Graph* graph_;
  const CalibrationInputs* inputs_;
  ActivationsOptions options_;
  std::vector<std::vector<float>> kept_;  // by image: its input, empty where it was not kept
};

}  // namespace narrow::graph
