// Scale, zero point and range of one activation tensor.
#pragma once

#include <optional>
#include <string>

#include "narrow/result.h"
#include "narrow/types.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// Scales of activations lie within [kMinActivationScale, kMaxActivationScale], so that every quotient of two of them,
// also divided by the pixels of an averaging window, is a normal float.
inline constexpr double kMinActivationScale = 0x1p-40;
inline constexpr double kMaxActivationScale = 0x1p60;

// Asymmetric, over the observed range widened to zero; `clamp` of the producing node narrows the range of integers,
// which always holds zero: a clamp without zero in it must stay beside the range.
// Formulas: docs/numerics.md, "Choosing activation parameters". bits in 2..8; `name` is the tensor's, for errors.
// Errors: an observation that is no range of finite numbers, a scale above the limit, a clamp of which nothing but zero
// is left.
[[nodiscard]] Result<Quantization> choose_quantization(const Observation& observed, int bits, const Clamp& clamp,
                                                       const std::string& name);

// The scale and zero point of `quantization` with the range that a clamp leaves of it. Nothing where that is a single
// integer.
[[nodiscard]] std::optional<Quantization> limited_to(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::graph
