// Simulated quantization whose parameters are learned: forward, and the gradients of the straight-through estimator.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::graph {

// Levels of one activation tensor whose step is learned.
struct LearnedGrid {
  float step = 1.0F;
  float lo = 0.0F;  // levels, counted from the zero point
  float hi = 255.0F;
  Clamp clamp;  // of the node that writes the tensor
};

// Elements that are chosen at random. Which they are depends on `seed` and the element's index alone.
struct RandomChoice {
  std::uint32_t seed = 0;
  bool is_on = true;  // off: none is chosen; on: each with probability 1/2
};

// y = clamp(x), rounded to the closest level except where the element is chosen (QDrop; Wei et al., "QDrop: Randomly
// Dropping Quantization for Extremely Low-bit Post-Training Quantization", 2022).
void round_activations(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* y,
                       std::size_t count);

// The gradients of round_activations(): `gradient`, in place, becomes 0 where x is beyond the clamp or the levels;
// returned is that of the step. (Esser et al., "Learned Step Size Quantization", 2020, equation 3.) What the clamp
// limits is no estimate: many elements have just that value, which stays while the step moves, so that their part is
// their level.
[[nodiscard]] double step_gradient(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x,
                                   float* gradient, std::size_t count);

// `gradient`, in place, becomes 0 where x is beyond the clamp.
void clamp_gradient(const Clamp& clamp, const float* x, float* gradient, std::size_t count);

// One output channel, whose latent weights w are counted in levels: rounded = scale * clamp(round(w)).
void round_weights(float scale, const QRange& range, const float* w, float* rounded, std::size_t count);

// The gradients of round_weights(): dw, in place, of the rounded weights, becomes that of w; returned is that of the
// scale.
[[nodiscard]] double scale_gradient(float scale, const QRange& range, const float* w, float* dw, std::size_t count);

// y = a where the element is chosen, b elsewhere.
void choose_elements(const RandomChoice& choice, const float* a, const float* b, float* y, std::size_t count);

// dy = factor * (y - target); returns the sum of (y - target)^2.
[[nodiscard]] double error_gradient(const float* y, const float* target, float factor, float* dy, std::size_t count);

[[nodiscard]] double sum_of_squares(const float* x, std::size_t count);

}  // namespace narrow::graph
