#include "engine/plan/steps/kernel_choice.h"

#include <algorithm>

#include "kernels/isa_table.h"
#include "narrow/inspect.h"

namespace narrow::engine {

std::vector<KernelCandidate> explain_choice(const std::vector<kernels::ConvolutionCandidate>& ranked, Isa isa) {
  std::vector<KernelCandidate> candidates;
  candidates.reserve(ranked.size());
  for (const kernels::ConvolutionCandidate& candidate : ranked) {
    candidates.push_back({candidate.kernel->name, true, candidate.cost});
  }
  for (const kernels::IsaTable* table : kernels::isa_tables()) {
    const std::uint32_t needed = kernels::required_features(table->isa).bits;
    if (!kernels::required_features(isa).has(needed)) continue;
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      const kernels::ConvolutionKernel* kernel = table->convolutions[i];
      const bool accepted = std::any_of(ranked.begin(), ranked.end(),
                                        [kernel](const auto& candidate) { return candidate.kernel == kernel; });
      if (!accepted) candidates.push_back({kernel->name, false, 0});
    }
  }
  return candidates;
}

}  // namespace narrow::engine
