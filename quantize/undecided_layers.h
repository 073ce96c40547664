// Layers that still need integer weights, and what those have to fit to.
#pragma once

#include <cstddef>

#include "quantize/methods.h"
#include "quantize/weight_quantization.h"

namespace narrow::graph {

// Whether node `n` is a layer that runs in integers and whose weights nobody has decided.
[[nodiscard]] bool wants_weights(const Context& context, const Decisions& decisions, std::size_t n);

// Precondition: wants_weights(); the parameters of the layer's input and output are decided.
[[nodiscard]] FilterSetting filter_setting(const Context& context, const Decisions& decisions, std::size_t n);

}  // namespace narrow::graph
