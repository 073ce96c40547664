#include "quantize/part_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "base/cancelled.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/gradients/adam.h"

namespace narrow::graph {
namespace {

constexpr int kMostImagesOfRun = 8;
// Elements of activations of one run: they and their gradients stay in a cache of some megabytes.
constexpr std::int64_t kElementsOfRun = std::int64_t{1} << 20;
constexpr double kWarmUp = 0.05;  // of the iterations: rates grow from zero
// Sums of gradients, each over the runs of a batch that are so far apart: how many threads can work.
constexpr std::size_t kSums = 4;

// Images in random order, each as often as the others.
class Deck {
 public:
  explicit Deck(std::vector<std::size_t> images) : images_(std::move(images)), next_(images_.size()) {}
  std::size_t draw(SplitMix& random) {
    if (next_ == images_.size()) {
      for (std::size_t i = images_.size(); i > 1; --i) std::swap(images_[i - 1], images_[random.below(i)]);
      next_ = 0;
    }
    return images_[next_++];
  }

 private:
  std::vector<std::size_t> images_;
  std::size_t next_;
};

class Training {
 public:
  Training(const Graph& graph, const Block& block, PartGradient& part, int images_of_run, PartTraining& training)
      : part_(part),
        training_(training),
        runs_(static_cast<std::size_t>(kBatch / images_of_run)),
        sums_(std::min(kSums, runs_.size())),
        slots_(static_cast<std::size_t>(std::max(training.threads, 1))),
        images_of_run_(static_cast<std::size_t>(images_of_run)) {
    for (std::vector<float>& sum : sums_) sum.resize(part.parameter_count());
    for (Slot& slot : slots_) {
      slot.input.resize(static_cast<std::size_t>(graph.value(block.input).shape.elems()) * images_of_run_);
      slot.target.resize(static_cast<std::size_t>(graph.value(block.output).shape.elems()) * images_of_run_);
    }
  }

  Status run() {
    SplitMix random(training_.seed);
    Deck deck(training_.images);
    Adam adam(part_.parameter_count());
    for (std::size_t i = 0; i < training_.iterations; ++i) {
      NARROW_TRY(base::check_cancelled(training_.cancellation));
      for (Run& run : runs_) {
        run.seed = random.next_seed();
        run.images.clear();
        for (std::size_t k = 0; k < images_of_run_; ++k) run.images.push_back(deck.draw(random));
      }
      NARROW_TRY(part_.set(training_.parameters));
      NARROW_TRY(compute(static_cast<double>(i) / static_cast<double>(training_.iterations)));
      for (std::size_t s = 1; s < sums_.size(); ++s) add_to(sums_[s], sums_[0]);
      part_.finish(sums_[0]);
      adam.step(training_.parameters, sums_[0], training_.rates, rate(i));
      for (std::size_t p = 0; p < training_.least.size(); ++p) {
        training_.parameters[p] = std::max(training_.parameters[p], training_.least[p]);
      }
      if (training_.after) NARROW_TRY(training_.after(i + 1));
    }
    return {};
  }

 private:
  // Some images of a batch.
  struct Run {
    std::vector<std::size_t> images;
    std::uint32_t seed = 0;
  };
  struct Slot {
    std::vector<float> input;
    std::vector<float> target;
    std::vector<float> gradient;
  };

  [[nodiscard]] float rate(std::size_t iteration) const {
    const double done = static_cast<double>(iteration) / static_cast<double>(training_.iterations);
    const double warm = static_cast<double>(iteration + 1) / (kWarmUp * static_cast<double>(training_.iterations));
    return static_cast<float>(std::min(1.0, warm) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
  }

  Status compute(double done) {
    std::vector<Status> statuses(sums_.size());
    base::parallel_for(sums_.size(), training_.threads, [&](std::size_t s, int number) {
      for (std::size_t r = s; r < runs_.size() && statuses[s].ok(); r += sums_.size()) {
        statuses[s] = compute_run(runs_[r], number, done, r == s, sums_[s]);
      }
    });
    for (Status& status : statuses) {
      if (!status.ok()) return std::move(status);
    }
    return {};
  }

  Status compute_run(const Run& run, int number, double done, bool is_first, std::vector<float>& sum) {
    Slot& slot = slots_[static_cast<std::size_t>(number)];
    NARROW_TRY(training_.fill({run.images, run.seed, done}, number, slot.input, slot.target));
    if (!is_first) slot.gradient.resize(sum.size());
    std::vector<float>& gradient = is_first ? sum : slot.gradient;
    const auto factor = static_cast<float>(training_.loss_factor / kBatch);
    NARROW_ASSIGN([[maybe_unused]] const double loss, part_.run(number, slot.input.data(), slot.target.data(), factor,
                                                                training_.drops, run.seed, gradient));
    if (!is_first) add_to(slot.gradient, sum);
    return {};
  }

  PartGradient& part_;
  PartTraining& training_;
  std::vector<Run> runs_;
  std::vector<std::vector<float>> sums_;
  std::vector<Slot> slots_;
  std::size_t images_of_run_;
};

}  // namespace

std::uint64_t SplitMix::next() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

int images_per_run(const Graph& graph, const Block& part) {
  std::int64_t elements = graph.value(part.input).shape.elems();
  for (std::size_t n = part.nodes.first; n < part.nodes.last; ++n) {
    elements += graph.value(graph.nodes[n].output).shape.elems();
  }
  int images = kMostImagesOfRun;
  while (images > 1 && images * elements > kElementsOfRun) images /= 2;
  return images;
}

Status train_part(const Graph& graph, const Block& block, PartGradient& part, int images_of_run,
                  PartTraining& training) {
  return Training(graph, block, part, images_of_run, training).run();
}

}  // namespace narrow::graph
