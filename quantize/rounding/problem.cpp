#include "quantize/rounding/problem.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {
namespace {

constexpr int kSweeps = 20;

}  // namespace

double rounding_error(const RoundingProblem& problem, const RoundedRows& rounded, std::size_t row) {
  const std::size_t depth = problem.depth;
  const std::int8_t* q = rounded.weights.data() + row * depth;
  double square = 0;
  double linear = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    if (q[i] == 0) continue;
    double product = 0;
    for (std::size_t j = 0; j < depth; ++j) product += problem.gram[i * depth + j] * q[j];
    square += q[i] * product;
    linear += q[i] * problem.cross[row * depth + i];
  }
  const double s = rounded.scales[row];
  return s * s * square - 2 * s * linear;
}

std::vector<double> scale_parts(const QRange& range) {
  // With many levels nothing is gained by clipping; with few, a finer step for most weights is worth clipping some.
  if (range.hi > 31) return {1.0};
  const bool is_coarse = range.hi <= 3;
  const int count = is_coarse ? 17 : 11;
  const double from = is_coarse ? 0.25 : 0.55;
  std::vector<double> parts;
  parts.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) parts.push_back(from + (1.05 - from) * i / (count - 1));
  return parts;
}

double first_scale(const RoundingProblem& problem, const std::vector<double>& largest, std::size_t row, double part) {
  return std::max(largest[row] * part / problem.range.hi, problem.least[row]);
}

std::vector<double> largest_weights(const RoundingProblem& problem, const std::vector<float>& optimum) {
  constexpr double kLeastPart = 0.25;  // of the float weights: where the inputs say little, the optimum is near zero
  std::vector<double> largest(problem.rows);
  for (std::size_t row = 0; row < problem.rows; ++row) {
    double of_start = 0;
    double of_optimum = 0;
    for (std::size_t k = row * problem.depth; k < (row + 1) * problem.depth; ++k) {
      of_start = std::max(of_start, std::abs(problem.start[k]));
      of_optimum = std::max(of_optimum, std::abs(double{optimum[k]}));
    }
    largest[row] = std::max({of_optimum, of_start * kLeastPart, problem.least[row] * problem.range.hi});
  }
  if (problem.one_scale) std::fill(largest.begin(), largest.end(), *std::max_element(largest.begin(), largest.end()));
  return largest;
}

RoundedRows solve(const RoundingProblem& problem, int threads) {
  if (problem.depth <= kEnumeratedDepth) return enumerate(problem, threads);
  RoundedRows rounded = column_solve(problem, factor(problem), threads);
  if (problem.is_cancelled()) return rounded;
  coordinate_descent(problem, rounded, kSweeps, threads);
  return rounded;
}

}  // namespace narrow::graph
