// Layers without integer weights so far, and what their weights depend on.
#pragma once

#include <cstddef>

#include "quantize/methods.h"
#include "quantize/weight_quantization.h"

namespace narrow::graph {

// Whether node `n` is a layer that runs in integers and without a decision so far.
[[nodiscard]] bool is_undecided_layer(const Context& context, const Decisions& decisions, std::size_t n);

// Precondition: is_undecided_layer(); the parameters of the layer's input and output are decided.
[[nodiscard]] FilterSetting filter_setting(const Context& context, const Decisions& decisions, std::size_t n);

}  // namespace narrow::graph
