// What the outputs of a layer should be before its clamp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "narrow/types.h"

namespace narrow::graph {

// A layer in float, and samples of it.
struct ClampedLayer {
  std::size_t groups = 1;
  std::size_t depth = 0;           // inputs of one output channel
  std::size_t rows = 0;            // output channels of a group
  std::span<const float> weights;  // [groups * rows, depth]
  std::span<const float> bias;     // [groups * rows]
  Clamp clamp;
  float corrected = 0.5F;  // share of the difference behind the clamp, see corrected_share()
};

// How much of the error of a layer's inputs its weights correct. Half where the inputs' own rounding is most of it,
// which is noise. All where it comes from the weights of the layers before: inputs of 8 bits, weights of fewer. Both
// are what was closest to the float network on other images with most networks and bits (docs/experiments.md).
[[nodiscard]] float corrected_share(int input_bits, int weight_bits);

// Changes the targets of samples from what the float network gives, y, to y' + share * (clamp(y) - clamp(y')), where y'
// is what the float weights give for the rounded inputs. There are two reasons. An error that the clamp takes away need
// not be corrected, and should not: where most outputs are negative and ReLU follows, weights that are closest before
// it make smaller what is left. And where errors of inputs are mostly noise, weights that correct all of them fit the
// images at hand, and make outputs smaller everywhere. Without a clamp, the second reason stays.
// (A step of Gauss and Newton towards the smallest error behind the clamp, with the same Hessian for all channels.)
// inputs: [groups * depth, samples], levels of `scale`; targets: [groups * rows, samples].
void aim_behind_clamp(const ClampedLayer& layer, double scale, std::span<const std::int16_t> inputs,
                      std::size_t samples, std::span<float> targets);

}  // namespace narrow::graph
