// The optimizer Adam. (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.)
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace narrow::graph {

// What the optimizer remembers of the gradients so far.
struct AdamState {
  std::vector<float> mean;    // moving average of gradients
  std::vector<float> square;  // of their squares
  double mean_weight = 1;     // beta to the power of the steps so far
  double square_weight = 1;
};

class Adam {
 public:
  explicit Adam(std::size_t parameters) {
    state_.mean.resize(parameters);
    state_.square.resize(parameters);
  }
  // Goes on from there.
  explicit Adam(AdamState state) : state_(std::move(state)) {}
  [[nodiscard]] const AdamState& state() const { return state_; }

  // Moves each parameter against its gradient, by about its rate times `factor`.
  void step(std::span<float> parameters, std::span<const float> gradient, std::span<const float> rates, float factor);

 private:
  AdamState state_;
};

// to[i] += from[i].
void add_to(std::span<const float> from, std::span<float> to);

}  // namespace narrow::graph
