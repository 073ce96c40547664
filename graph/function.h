// The nonlinear functions of Function nodes as numbers and as tables of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// The function of one element of `channel` (only kPRelu looks at it), in double precision and with exact_math's exp, so
// the same on every machine. Infinities give the function's limit, NaN gives NaN. kPRelu: channel < slopes.size().
[[nodiscard]] double evaluate_function(const Function& function, double x, std::int64_t channel = 0);

// The function from bytes to bytes, Function::table: [1, 256], for kPRelu [slopes.size(), 256]. Entries exist for every
// byte, also outside of in.range, and lie in out.range:
// clamp(round(f(in.scale * (x - in.zero_point)) / out.scale) + out.zero_point), half to even, all in double; NaN is lo.
[[nodiscard]] std::vector<std::uint8_t> make_table(const Function& function, const Quantization& in,
                                                   const Quantization& out);

}  // namespace narrow::graph
