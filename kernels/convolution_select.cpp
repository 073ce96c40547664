// Which convolution kernel serves a problem, and whether int32 accumulators are exact for it.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/arithmetic.h"
#include "kernels/convolution.h"
#include "kernels/isa_table.h"

namespace narrow::kernels {
namespace {

bool runs(Isa kernels, Isa isa) { return required_features(isa).has(required_features(kernels).bits); }

const ConvolutionKernel* reference() { return *narrow_kernels_scalar()->convolutions; }

// All that `isa` can run but the reference, in order.
template <class Visit>
void for_each_kernel(Isa isa, const Visit& visit) {
  for (const IsaTable* table : isa_tables()) {
    if (table->isa == Isa::kScalar || !runs(table->isa, isa)) continue;
    for (std::size_t i = 0; i < table->convolution_count; ++i) visit(*table->convolutions[i]);
  }
}

}  // namespace

bool accumulator_is_exact(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  std::int64_t depth = shape.group_in();
  for (const int size : {shape.kernel_h, shape.kernel_w}) {
    if (__builtin_mul_overflow(depth, size, &depth)) return false;
  }
  std::int64_t bias = 0;
  for (int c = 0; c < shape.out_c; ++c) bias = base::max(bias, base::magnitude(std::int64_t{problem.bias[c]}));
  const std::int64_t bound = base::accumulator_bound(depth, problem.input_range, problem.input_zero_point,
                                                     base::magnitude(problem.weight_range));
  return bound <= std::numeric_limits<std::int32_t>::max() - bias;
}

std::vector<ConvolutionCandidate> rank_convolutions(const ConvolutionProblem& problem, Isa isa) {
  std::vector<ConvolutionCandidate> candidates;
  for_each_kernel(isa, [&](const ConvolutionKernel& kernel) {
    if (kernel.accepts(problem)) candidates.push_back({&kernel, kernel.cost(problem)});
  });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const ConvolutionCandidate& a, const ConvolutionCandidate& b) { return a.cost < b.cost; });
  candidates.push_back({reference(), reference()->cost(problem)});
  return candidates;
}

const ConvolutionKernel* select_convolution(const ConvolutionProblem& problem, Isa isa) {
  std::vector<ConvolutionCandidate> candidates;
  for_each_kernel(isa, [&](const ConvolutionKernel& kernel) {
    candidates.push_back({&kernel, kernel.least_cost != nullptr ? kernel.least_cost(problem) : kernel.cost(problem)});
  });
  // Equals stay in order; only a cost that is less in earnest passes one that is before it.
  ConvolutionCandidate best;
  std::size_t best_place = 0;
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return candidates[a].cost < candidates[b].cost; });
  for (const std::size_t place : order) {
    const ConvolutionCandidate& candidate = candidates[place];
    if (best.kernel != nullptr && candidate.cost > best.cost) break;
    if (!candidate.kernel->accepts(problem)) continue;
    const double cost = candidate.kernel->cost(problem);
    if (best.kernel != nullptr && (cost > best.cost || (cost == best.cost && place > best_place))) continue;
    best = {candidate.kernel, cost};
    best_place = place;
  }
  return best.kernel != nullptr ? best.kernel : reference();
}

const ConvolutionF32Kernel* select_convolution_f32(const ConvolutionF32Problem& problem, Isa isa) {
  for (const IsaTable* table : isa_tables()) {
    if (!runs(table->isa, isa)) continue;
    for (std::size_t i = 0; i < table->convolution_f32_count; ++i) {
      if (table->convolutions_f32[i]->accepts(problem)) return table->convolutions_f32[i];
    }
  }
  return *narrow_kernels_scalar()->convolutions_f32;
}

}  // namespace narrow::kernels
