// Which convolution kernels serve a problem, and whether int32 accumulators are exact for it.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "kernels/convolution.h"
#include "kernels/isa_table.h"

namespace narrow::kernels {
namespace {

std::int64_t magnitude(std::int64_t value) { return value < 0 ? -value : value; }
std::int64_t larger(std::int64_t a, std::int64_t b) { return a < b ? b : a; }
std::int64_t magnitude(const QRange& range) { return larger(magnitude(range.lo), magnitude(range.hi)); }

bool runs(Isa kernels, Isa isa) { return required_features(isa).has(required_features(kernels).bits); }

const ConvolutionKernel& reference() { return **narrow_kernels_scalar()->convolutions; }

}  // namespace

bool accumulator_is_exact(const ConvolutionProblem& problem) {
  // Any partial sum, in any order, with the zero point subtracted from every element or as one correction term
  // -zero_point * sum(w): at most |bias| + depth * max|w| * (max|x| + |zero_point|).
  const std::int64_t element = magnitude(problem.input_range) + magnitude(problem.input_zero_point);
  const std::int64_t weight = magnitude(problem.weight_range);
  const ConvolutionShape& shape = problem.shape;
  std::int64_t sum = shape.group_in();
  for (const std::int64_t factor : {std::int64_t{shape.kernel_h}, std::int64_t{shape.kernel_w}, element, weight}) {
    if (__builtin_mul_overflow(sum, factor, &sum)) return false;
  }
  std::int64_t bias = 0;
  for (int c = 0; c < shape.out_c; ++c) bias = larger(bias, magnitude(std::int64_t{problem.bias[c]}));
  return !__builtin_add_overflow(sum, bias, &sum) && sum <= std::numeric_limits<std::int32_t>::max();
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
      (candidate.accepts() ? accepting : refusing).push_back(std::move(candidate));
    }
  }
  std::stable_sort(
      accepting.begin(), accepting.end(),
      [](const ConvolutionCandidate& a, const ConvolutionCandidate& b) { return a.offer.cycles < b.offer.cycles; });
  accepting.push_back(ask(reference(), problem));
  std::move(refusing.begin(), refusing.end(), std::back_inserter(accepting));
  return accepting;
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
