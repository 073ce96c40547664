// The float network and the quantized one side by side, one layer after the other.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "narrow/result.h"
#include "quantize/decisions.h"
#include "quantize/methods.h"

namespace narrow::graph {

struct ReplayOptions {
  std::size_t images = 0;        // how many of the calibration images; 0: all
  std::size_t memory_bytes = 0;  // for tensors that are kept between layers; with less, more is computed again
};

// Visits layers in the order of the graph. What both networks have computed before a layer is kept for all images as
// long as the memory allows, so that a network is computed about twice in all. Where it does not, the part since the
// last kept place is computed again.
class Replay {
 public:
  // Borrows the context, whose activations may not be null.
  static Result<Replay> create(const Context& context, const ReplayOptions& options);
  // Begins before node `start`, with what both networks have computed there: of the only value that is still read. By
  // image, as create() numbers them.
  static Result<Replay> create_at(const Context& context, const ReplayOptions& options, std::size_t start,
                                  ValueId value, const std::vector<std::span<const float>>& in_float,
                                  const std::vector<std::span<const float>>& simulated);
  Replay(Replay&&) noexcept;
  Replay& operator=(Replay&&) noexcept;
  ~Replay();

  [[nodiscard]] std::size_t images() const;

  // Calls visitor(image, slot, input, target) for each image, on up to `threads` threads. input: what the layer `node`
  // reads in the network that `decisions` simulate, rounded; target: what it writes in the float network, before its
  // clamp. Both are [height, width, channels]. Calls with the same slot, in [0, threads), are not made at the same
  // time. Decisions about what the layer depends on have to be there, and must not change later. Nodes have to be
  // visited in ascending order. Errors: those of FloatExecutor and of the images; an error of the visitor, of the first
  // image that has one.
  using Visitor =
      std::function<Status(std::size_t image, int slot, std::span<const float> input, std::span<const float> target)>;
  Status visit(std::size_t node, const Decisions& decisions, int threads, const Visitor& visitor);

 private:
  struct Impl;
  explicit Replay(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::graph
