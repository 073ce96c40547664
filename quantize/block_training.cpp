#include "quantize/block_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "base/try.h"
#include "floating/gradients/adam.h"
#include "floating/gradients/fake_quantization.h"

namespace narrow::graph {
namespace {

constexpr int kBatch = 32;
constexpr int kMostImagesOfRun = 8;
// Elements of activations of one run: they and their gradients stay in a cache of some megabytes.
constexpr std::int64_t kElementsOfRun = std::int64_t{1} << 20;
// Of the iterations, with elements of the float network's input between those of the quantized one. In the others the
// block learns to repair what is really lost before it.
constexpr double kMixed = 0.5;
constexpr double kWarmUp = 0.05;  // of the iterations: rates grow from zero

// Numbers that are the same with every standard library. (Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014.)
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  std::uint32_t next_seed() { return static_cast<std::uint32_t>(next() >> 32); }
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }

 private:
  std::uint64_t state_;
};

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

// Some images of a batch.
struct Run {
  std::vector<std::size_t> images;
  std::uint32_t seed = 0;
  std::vector<float> gradient;
};

class Training {
 public:
  Training(const BlockImages& images, PartGradient& part, int images_of_run, BlockTraining& training)
      : images_(images),
        part_(part),
        training_(training),
        runs_(static_cast<std::size_t>(kBatch / images_of_run)),
        images_of_run_(static_cast<std::size_t>(images_of_run)),
        slots_(static_cast<std::size_t>(std::max(training.threads, 1))) {
    for (Run& run : runs_) run.gradient.resize(part.parameter_count());
    if (training.input) {
      const Quantization& q = *training.input;
      grid_ = LearnedGrid{q.scale, static_cast<float>(q.range.lo - q.zero_point),
                          static_cast<float>(q.range.hi - q.zero_point), Clamp{}};
    }
  }

  Status run() {
    SplitMix random(training_.seed);
    Deck deck(training_.images);
    Adam adam(part_.parameter_count());
    const float factor = gradient_factor();
    for (std::size_t i = 0; i < training_.iterations; ++i) {
      for (Run& run : runs_) {
        run.seed = random.next_seed();
        run.images.clear();
        for (std::size_t k = 0; k < images_of_run_; ++k) run.images.push_back(deck.draw(random));
      }
      NARROW_TRY(part_.set(training_.parameters));
      NARROW_TRY(compute(factor, static_cast<double>(i) < kMixed * static_cast<double>(training_.iterations)));
      for (std::size_t r = 1; r < runs_.size(); ++r) add_to(runs_[r].gradient, runs_[0].gradient);
      part_.finish(runs_[0].gradient);
      adam.step(training_.parameters, runs_[0].gradient, training_.rates, rate(i));
      for (std::size_t p = 0; p < training_.least.size(); ++p) {
        training_.parameters[p] = std::max(training_.parameters[p], training_.least[p]);
      }
    }
    return {};
  }

 private:
  struct Slot {
    std::vector<float> input;
    std::vector<float> rounded;
    std::vector<float> target;
  };

  [[nodiscard]] float rate(std::size_t iteration) const {
    const double done = static_cast<double>(iteration) / static_cast<double>(training_.iterations);
    const double warm = static_cast<double>(iteration + 1) / (kWarmUp * static_cast<double>(training_.iterations));
    return static_cast<float>(std::min(1.0, warm) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
  }

  // The loss is the mean squared error over a batch, relative to the mean square of the target.
  [[nodiscard]] float gradient_factor() const {
    double squares = 0;
    for (const std::size_t image : training_.images) {
      for (const float x : (*training_.targets)[image]) squares += double{x} * double{x};
    }
    squares = std::max(squares / static_cast<double>(training_.images.size()), 1e-30);
    return static_cast<float>(2.0 / (squares * kBatch));
  }

  Status compute(float factor, bool mixes) {
    std::vector<Status> statuses(runs_.size());
    base::parallel_for(runs_.size(), training_.threads, [&](std::size_t r, int number) {
      Slot& slot = slots_[static_cast<std::size_t>(number)];
      gather(runs_[r], mixes, slot);
      const Result<double> error =
          part_.run(number, slot.input.data(), slot.target.data(), factor, true, runs_[r].seed, runs_[r].gradient);
      if (!error.ok()) statuses[r] = error.error();
    });
    for (Status& status : statuses) {
      if (!status.ok()) return std::move(status);
    }
    return {};
  }

  void gather(const Run& run, bool mixes, Slot& slot) const {
    const std::size_t in = images_.in_float(run.images[0]).size();
    const std::size_t out = (*training_.targets)[run.images[0]].size();
    slot.input.resize(in * images_of_run_);
    slot.rounded.resize(in);
    slot.target.resize(out * images_of_run_);
    for (std::size_t k = 0; k < images_of_run_; ++k) {
      const std::size_t image = run.images[k];
      const float* quantized = images_.simulated(image).data();
      if (training_.input) {
        round_activations(grid_, {.is_on = false}, quantized, slot.rounded.data(), in);
        quantized = slot.rounded.data();
      }
      const RandomChoice choice{run.seed * 0x9E3779B9U + static_cast<std::uint32_t>(k) * 0x85EBCA6BU + 1, mixes};
      choose_elements(choice, images_.in_float(image).data(), quantized, slot.input.data() + k * in, in);
      std::copy_n((*training_.targets)[image].data(), out, slot.target.data() + k * out);
    }
  }

  const BlockImages& images_;
  PartGradient& part_;
  BlockTraining& training_;
  std::vector<Run> runs_;
  std::size_t images_of_run_;
  std::vector<Slot> slots_;
  LearnedGrid grid_;
};

}  // namespace

int images_per_run(const Graph& graph, const Block& part) {
  std::int64_t elements = graph.value(part.input).shape.elems();
  for (std::size_t n = part.nodes.first; n < part.nodes.last; ++n) {
    elements += graph.value(graph.nodes[n].output).shape.elems();
  }
  int images = kMostImagesOfRun;
  while (images > 1 && images * elements > kElementsOfRun) images /= 2;
  return images;
}

Status train_block(const BlockImages& images, PartGradient& part, int images_of_run, BlockTraining& training) {
  return Training(images, part, images_of_run, training).run();
}

}  // namespace narrow::graph
