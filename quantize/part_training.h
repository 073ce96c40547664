// Gradient descent on the parameters of a part of the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "floating/gradients/part_gradient.h"
#include "narrow/cancellation.h"
#include "narrow/quantize_options.h"
#include "quantize/blocks.h"

namespace narrow::graph {

// Numbers that are the same with every standard library. (Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014.)
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t state() const { return state_; }  // a generator with this seed goes on from here
  std::uint64_t next();
  std::uint32_t next_seed() { return static_cast<std::uint32_t>(next() >> 32); }
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // in [0, 1)

 private:
  std::uint64_t state_;
};

// What one run of PartGradient is fed with.
struct RunRequest {
  std::span<const std::size_t> images;  // as many as the part takes
  std::uint32_t seed = 0;
  double done = 0;  // share of the iterations, in [0, 1)
};
// Writes input and target of a run, as PartGradient::run() takes them. Different slots at the same time.
using FillRun =
    std::function<Status(const RunRequest& request, int slot, std::span<float> input, std::span<float> target)>;

struct PartTraining {
  std::vector<std::size_t> images;  // that are drawn from, not empty
  FillRun fill;
  double loss_factor = 1;  // of an image's loss, beside the mean over the images of a batch
  bool drops = false;      // rounding of activations is left out at random (QDrop; Wei et al., 2022)
  std::size_t iterations = 0;
  std::uint64_t seed = 0;
  int threads = 1;
  const Cancellation* cancellation = nullptr;
  const TrainingStore* store = nullptr;  // where the state is kept, and taken from at the start; may be null
  // Called after each iteration with how many are done; may be empty. An error ends the training.
  std::function<Status(std::size_t done)> after;
  // By place in PartGradient: where they start and end, how far one step moves them, and what they never go below.
  std::vector<float> parameters;
  std::vector<float> rates;
  std::vector<float> least;
};

// Images of one run of PartGradient: a power of two that divides a batch, less for parts with large tensors. It
// depends on the part alone, so that sums of gradients do not depend on the number of threads.
[[nodiscard]] int images_per_run(const Graph& graph, const Block& part);

// Images of a batch.
inline constexpr int kBatch = 32;

// Adam on batches of kBatch images, each image as often as the others. part: with images_of_run from images_per_run()
// and as many slots as threads.
Status train_part(const Graph& graph, const Block& block, PartGradient& part, int images_of_run,
                  PartTraining& training);

}  // namespace narrow::graph
