#include "quantize/part_training.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string_view>
#include <utility>

#include "base/cancelled.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/gradients/adam.h"
#include "quantize/training_state.h"

namespace narrow::graph {
namespace {

constexpr int kMostImagesOfRun = 8;
// Elements of activations of one run: they and their gradients stay in a cache of some megabytes.
constexpr std::int64_t kElementsOfRun = std::int64_t{1} << 20;
constexpr double kWarmUp = 0.05;  // of the iterations: rates grow from zero
// Sums of gradients, each over the runs of a batch that are so far apart: how many threads can work.
constexpr std::size_t kGradientSums = 4;

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kSaveInterval{20};

// Of everything that the training starts with, but for the images themselves: rounding has made the parameters of them.
std::uint64_t key_of(const PartTraining& training, const PartGradient& part, int images_of_run) {
  std::uint64_t key = kNothingHashed;
  const auto add = [&key](const auto& values) { key = hash_of(bytes_of(std::span(values)), key); };
  add(std::array<std::uint64_t, 5>{training.iterations, training.seed, training.drops ? 1U : 0U,
                                   static_cast<std::uint64_t>(images_of_run), part.target_elems()});
  add(std::array{training.loss_factor});
  add(std::vector<std::uint64_t>(training.images.begin(), training.images.end()));
  add(training.parameters);
  add(training.rates);
  add(training.least);
  return key;
}

// Images in random order, each as often as the others.
class Deck {
 public:
  explicit Deck(std::vector<std::size_t> images) : images_(std::move(images)), next_(images_.size()) {}
  Deck(std::vector<std::size_t> images, std::size_t next) : images_(std::move(images)), next_(next) {}
  [[nodiscard]] const std::vector<std::size_t>& images() const { return images_; }
  [[nodiscard]] std::size_t next() const { return next_; }

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
        sums_(std::min(kGradientSums, runs_.size())),
        slots_(static_cast<std::size_t>(std::max(training.threads, 1))),
        images_of_run_(static_cast<std::size_t>(images_of_run)),
        images_in_order_(training.images.begin(), training.images.end()),
        key_(key_of(training, part, images_of_run)),
        random_(training.seed),
        deck_(training.images),
        adam_(part.parameter_count()) {
    std::sort(images_in_order_.begin(), images_in_order_.end());
    for (std::vector<float>& sum : sums_) sum.resize(part.parameter_count());
    for (Slot& slot : slots_) {
      slot.input.resize(static_cast<std::size_t>(graph.value(block.input).shape.elems()) * images_of_run_);
      slot.target.resize(part.target_elems());
    }
  }

  Status run() {
    if (const std::optional<TrainingState> kept = load()) {
      take(*kept);
      if (done_ == training_.iterations) return {};
    }
    auto saved = Clock::now();
    for (; done_ < training_.iterations; ++done_) {
      if (Clock::now() - saved > kSaveInterval) {
        NARROW_TRY(save());
        saved = Clock::now();
      }
      const SplitMix random = random_;
      const Deck deck = deck_;
      if (Status status = iterate(); !status.ok()) {
        random_ = random;
        deck_ = deck;
        NARROW_TRY(save());
        return status;
      }
      if (training_.after) NARROW_TRY(training_.after(done_ + 1));
    }
    return save();
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

  // Error: parameters and moments are as they were.
  Status iterate() {
    NARROW_TRY(base::check_cancelled(training_.cancellation));
    for (Run& run : runs_) {
      run.seed = random_.next_seed();
      run.images.clear();
      for (std::size_t k = 0; k < images_of_run_; ++k) run.images.push_back(deck_.draw(random_));
    }
    NARROW_TRY(part_.set(training_.parameters));
    NARROW_TRY(compute(static_cast<double>(done_) / static_cast<double>(training_.iterations)));
    for (std::size_t s = 1; s < sums_.size(); ++s) add_to(sums_[s], sums_[0]);
    part_.finish(sums_[0]);
    adam_.step(training_.parameters, sums_[0], training_.rates, rate(done_));
    for (std::size_t p = 0; p < training_.least.size(); ++p) {
      training_.parameters[p] = std::max(training_.parameters[p], training_.least[p]);
    }
    return {};
  }

  // Of what the store has, what fits.
  [[nodiscard]] std::optional<TrainingState> load() const {
    if (training_.store == nullptr || !training_.store->load) return std::nullopt;
    std::optional<TrainingState> state = training_state(training_.store->load(key_));
    if (!state || state->iterations > training_.iterations) return std::nullopt;
    const std::size_t count = training_.parameters.size();
    const std::size_t moments = state->iterations == training_.iterations ? 0 : count;
    std::vector<std::uint64_t> drawn = state->deck;
    std::sort(drawn.begin(), drawn.end());
    const auto is_finite = [](float x) { return std::isfinite(x); };
    const bool fits = state->parameters.size() == count &&
                      std::all_of(state->parameters.begin(), state->parameters.end(), is_finite) &&
                      state->adam.mean.size() == moments && state->adam.square.size() == moments &&
                      state->next <= drawn.size() &&
                      std::equal(drawn.begin(), drawn.end(), images_in_order_.begin(), images_in_order_.end());
    return fits ? std::move(state) : std::nullopt;
  }

  void take(const TrainingState& state) {
    done_ = static_cast<std::size_t>(state.iterations);
    training_.parameters = state.parameters;
    adam_ = Adam(state.adam);
    random_ = SplitMix(state.random);
    deck_ = Deck({state.deck.begin(), state.deck.end()}, static_cast<std::size_t>(state.next));
  }

  [[nodiscard]] Status save() const {
    if (training_.store == nullptr || !training_.store->save) return {};
    TrainingState state;
    state.iterations = done_;
    state.random = random_.state();
    state.next = deck_.next();
    state.deck.assign(deck_.images().begin(), deck_.images().end());
    state.parameters = training_.parameters;
    if (done_ < training_.iterations) state.adam = adam_.state();
    return training_.store->save(key_, to_bytes(state));
  }

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
  std::vector<std::uint64_t> images_in_order_;
  std::uint64_t key_;
  // What a TrainingState holds, with the parameters.
  std::size_t done_ = 0;
  SplitMix random_;
  Deck deck_;
  Adam adam_;
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
