// Which convolution kernel serves a problem, and whether int32 accumulators are exact for it.
#include <limits>

#include "kernels/convolution.h"
#include "kernels/isa_table.h"

namespace narrow::kernels {
namespace {

std::int64_t magnitude(std::int64_t value) { return value < 0 ? -value : value; }
std::int64_t larger(std::int64_t a, std::int64_t b) { return a < b ? b : a; }
std::int64_t magnitude(const QRange& range) { return larger(magnitude(range.lo), magnitude(range.hi)); }

// First kernel of `list` that accepts the problem and needs no feature beyond those of `isa`.
template <typename Kernel, typename Problem>
const Kernel* first_accepting(const Kernel* const* list, std::size_t count, const Problem& problem, Isa isa) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool runs = required_features(isa).has(required_features(list[i]->isa).bits);
    if (runs && list[i]->accepts(problem)) return list[i];
  }
  return nullptr;
}

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

const ConvolutionKernel* select_convolution(const ConvolutionProblem& problem, Isa isa) {
  for (const IsaTable* table : {narrow_kernels_avx2(), narrow_kernels_scalar()}) {
    const ConvolutionKernel* found = first_accepting(table->convolutions, table->convolution_count, problem, isa);
    if (found != nullptr) return found;
  }
  return *narrow_kernels_scalar()->convolutions;
}

const ConvolutionF32Kernel* select_convolution_f32(const ConvolutionF32Problem& problem, Isa isa) {
  for (const IsaTable* table : {narrow_kernels_avx2(), narrow_kernels_scalar()}) {
    const ConvolutionF32Kernel* found =
        first_accepting(table->convolutions_f32, table->convolution_f32_count, problem, isa);
    if (found != nullptr) return found;
  }
  return *narrow_kernels_scalar()->convolutions_f32;
}

}  // namespace narrow::kernels
