// Why a convolution runs on the kernel that it runs on.
#pragma once

#include <vector>

#include "kernels/convolution.h"
#include "narrow/session.h"

namespace narrow::engine {

// ranked: what rank_convolutions found for `isa`. The same, then the kernels that `isa` includes and that refused.
[[nodiscard]] std::vector<KernelCandidate> explain_choice(const std::vector<kernels::ConvolutionCandidate>& ranked,
                                                          Isa isa);

}  // namespace narrow::engine
