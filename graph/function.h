// The nonlinear functions of Function nodes, as numbers and as tables of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// The function of one element of `channel` (only kPRelu reads it) in double precision. It uses exp of exact_math, so
// the result is the same on every machine. Infinities return the function's limit, NaN returns NaN. For kPRelu,
// channel < slopes.size().
[[nodiscard]] double evaluate_function(const Function& function, double x, std::int64_t channel = 0);

// The function from bytes to bytes for Function::table: [1, 256], for kPRelu [slopes.size(), 256]. There is an entry
// for every byte, also outside in.range. Entries lie in out.range:
// clamp(round(f(in.scale * (x - in.zero_point)) / out.scale) + out.zero_point), half to even, all in double. NaN
// becomes the lowest level.
[[nodiscard]] std::vector<std::uint8_t> make_table(const Function& function, const Quantization& in,
                                                   const Quantization& out);

}  // namespace narrow::graph
