// Explains the choice of a convolution's kernel.
#pragma once

#include <vector>

#include "kernels/convolution.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "narrow/inspect.h"

namespace narrow::engine {

// ranked: the result of rank_convolutions for `isa`. Returns these candidates, then the kernels that `isa` includes and
// that refused.
[[nodiscard]] std::vector<KernelCandidate> explain_choice(const std::vector<kernels::ConvolutionCandidate>& ranked,
                                                          Isa isa);

}  // namespace narrow::engine
