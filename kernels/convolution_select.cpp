// The selection of convolution kernels for a problem, and the test whether int32 accumulators are exact for it.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "base/arithmetic.h"
#include "kernels/convolution.h"
#include "kernels/isa_table.h"

namespace narrow::kernels {
namespace {

bool runs(Isa kernels, Isa isa) { return required_features(isa).has(required_features(kernels).bits); }

const ConvolutionKernel& reference() { return **narrow_kernels_scalar()->convolutions; }

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

ConvolutionCandidate ask(const ConvolutionKernel& kernel, const ConvolutionProblem& problem) {
  ConvolutionCandidate candidate;
  candidate.kernel = &kernel;
  candidate.proof.resize(static_cast<std::size_t>(problem.shape.out_c));
  candidate.offer = kernel.offer(problem, candidate.proof.data());
  return candidate;
}

std::vector<ConvolutionCandidate> rank_convolutions(const ConvolutionProblem& problem, Isa isa) {
  std::vector<ConvolutionCandidate> accepting, refusing;
  for (const IsaTable* table : isa_tables()) {
    if (table->isa == Isa::kScalar || !runs(table->isa, isa)) continue;
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      ConvolutionCandidate candidate = ask(*table->convolutions[i], problem);
      if (!candidate.accepts()) {
        refusing.push_back(std::move(candidate));
        continue;
      }
      // Sorted from the start; there are few. std::stable_sort takes 20 KB of a program.
      accepting.push_back(std::move(candidate));
      for (std::size_t at = accepting.size() - 1; at > 0; --at) {
        if (!(accepting[at].offer.cycles < accepting[at - 1].offer.cycles)) break;
        std::swap(accepting[at], accepting[at - 1]);
      }
    }
  }
  accepting.push_back(ask(reference(), problem));
  std::move(refusing.begin(), refusing.end(), std::back_inserter(accepting));
  return accepting;
}

const ConvolutionKernel* find_convolution(const char* name, Isa isa) {
  for (const IsaTable* table : isa_tables()) {
    if (!runs(table->isa, isa)) continue;
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      if (std::strcmp(table->convolutions[i]->name, name) == 0) return table->convolutions[i];
    }
  }
  return nullptr;
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
