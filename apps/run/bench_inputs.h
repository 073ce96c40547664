// The inputs of a benchmark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/bench_scenarios.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::cli {

// `images` images of random bytes, preprocessed, so that values cover the whole range of the network's input. The
// same seed returns the same inputs.
[[nodiscard]] BenchInputs random_inputs(const TensorShape& shape, const Preprocessing& preprocessing,
                                        std::size_t images, std::uint64_t seed);

// Decoded and preprocessed images of the sets `paths`. Of more than `images` images some are used, evenly spread;
// fewer are repeated. `used` is set to the number of different images.
[[nodiscard]] Result<BenchInputs> image_inputs(const std::vector<std::string>& paths, const TensorShape& shape,
                                               const Preprocessing& preprocessing, std::size_t images,
                                               std::size_t& used);

}  // namespace narrow::cli
