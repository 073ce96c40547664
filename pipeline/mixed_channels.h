// Mixes the channels of a float network as a model that was made of it has them (quantize/mix_channels.h).
#pragma once

#include <cstddef>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow {
inline namespace v0 {

// A set of tensors is mixed where the signs of its writers' weights are not those of the reference's. Its matrix is the
// one that takes the reference's weights closest to the model's, those of writers and those of readers; where the
// writers have few weights for each channel, the one that takes its tensors closest on up to 64 images. Tensors keep
// the mean square that the reference's have: what a network of few bits loses makes fitted tensors smaller, and is no
// mixing.
//
// A model that is equalized, too, has weights of other sizes beside the mixed tensors: its writers' inputs and its
// readers' outputs are scaled. These factors are fitted with the matrix (quantize/fitted_mixing.h). The reference is
// not scaled: find_channel_factors() finds them anew, for all tensors.
//
// Returns the number of mixed sets. Errors: those of the images and of running the networks.
[[nodiscard]] Result<std::size_t> mix_as(const graph::Graph& model, const CalibrationInputs& inputs,
                                         graph::Graph& reference);

}  // namespace v0
}  // namespace narrow
