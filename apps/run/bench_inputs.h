// What a benchmark shows to the network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/bench_scenarios.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::cli {

// Random bytes as pixels, made what preprocessing makes of pixels: values over the whole range of the network's input.
// The same for the same seed. `pictures`: of them.
[[nodiscard]] BenchInputs random_inputs(const TensorShape& shape, const Preprocessing& preprocessing,
                                        std::size_t pictures, std::uint64_t seed);

// Decoded and preprocessed pictures from `paths`, evenly spread where there are more than `pictures`, and repeated
// where there are fewer. `used`: how many different ones.
[[nodiscard]] Result<BenchInputs> picture_inputs(const std::vector<std::string>& paths, const TensorShape& shape,
                                                 const Preprocessing& preprocessing, std::size_t pictures,
                                                 std::size_t& used);

}  // namespace narrow::cli
