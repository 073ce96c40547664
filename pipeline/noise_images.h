// Images made of random numbers that have the coarse statistics of photographs: large areas, edges and textures.
#pragma once

#include "narrow/preprocess.h"
#include "narrow/quantize_options.h"
#include "narrow/types.h"

namespace narrow {
inline namespace v0 {

// `count` inputs for a network that takes `shape`, [height, width, channels], prepared by mean and std of
// `preprocessing`. Image i is the same on every machine.
[[nodiscard]] CalibrationInputs noise_images(const TensorShape& shape, const Preprocessing& preprocessing,
                                             std::size_t count);

}  // namespace v0
}  // namespace narrow
