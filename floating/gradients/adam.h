// The optimizer Adam. (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.)
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace narrow::graph {

class Adam {
 public:
  explicit Adam(std::size_t parameters) : mean_(parameters), square_(parameters) {}

  // Moves each parameter against its gradient, by about its rate times `factor`.
  void step(std::span<float> parameters, std::span<const float> gradient, std::span<const float> rates, float factor);

 private:
  std::vector<float> mean_;    // moving average of gradients
  std::vector<float> square_;  // of their squares
  double mean_weight_ = 1;     // beta to the power of the steps so far
  double square_weight_ = 1;
};

// to[i] += from[i].
void add_to(std::span<const float> from, std::span<float> to);

}  // namespace narrow::graph
