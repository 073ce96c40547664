// The mixing of a network that is known only by its tensors or by its rounded weights (quantize/mix_channels.h).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "quantize/mix_channels.h"

namespace narrow::graph {

// The mixing that takes vectors x closest to vectors y, in least squares, and then all channels to the mean square that
// they had. references: the sum of x[a] * x[b]; products: of y[a] * x[b]; both [channels, channels]. Nothing where it
// has no inverse.
[[nodiscard]] std::optional<Mixing> fitted_mixing(std::size_t channels, std::span<const double> references,
                                                  std::span<const double> products);

// The weights of a layer that writes or reads mixed tensors, in the plain network and in the mixed one: of a writer
// [channels, ..., others], of a reader [others, ..., channels].
struct WeightsOfBoth {
  std::span<const float> plain;
  std::span<const float> mixed;
  // The channels of the layer's other tensor, if the mixed network may have been equalized there: it has its own factor
  // for each. 0: it has none.
  std::size_t others = 0;
};

// The mixing M that is closest to what writers and readers tell, W' = M W D and D R' M = R, in least squares: the
// weights of writers alone leave the directions that they are small in to chance, and the inverse, by which readers
// multiply, has the errors of these directions most. D are the inverse factors of the layer's other channels.
struct MixingOfWeights {
  std::optional<Mixing> plain;  // for factors of 1; nothing where it has no inverse
  double plain_left = 0;        // the share of the weights' squares that is not explained, the mean over the layers
  std::optional<Mixing>
      scaled;  // with factors, of which the smallest of a layer is about 1; as plain if no layer has any
  double scaled_left = 0;
};
// Layers whose weights are all 0 or not finite in a network do not count. Both of nothing where there are no writers or
// no readers.
[[nodiscard]] MixingOfWeights fitted_mixing_of_weights(std::size_t channels, std::span<const WeightsOfBoth> writers,
                                                       std::span<const WeightsOfBoth> readers);

}  // namespace narrow::graph
