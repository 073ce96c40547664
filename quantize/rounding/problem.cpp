#include "quantize/rounding/problem.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

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

namespace {

// factored: of the problem, unless it is enumerated.
RoundedRows solve(const RoundingProblem& problem, const Factored& factored, int threads) {
  if (problem.depth <= kEnumeratedDepth) return enumerate(problem, threads);
  RoundedRows rounded = column_solve(problem, factored, threads);
  if (problem.is_cancelled()) return rounded;
  coordinate_descent(problem, rounded, kSweeps, threads);
  return rounded;
}

// Of a matrix [.., depth].
template <class Element>
std::vector<Element> take_rows(const std::vector<Element>& matrix, std::size_t depth,
                               const std::vector<std::size_t>& rows) {
  std::vector<Element> taken;
  if (matrix.empty()) return taken;
  taken.reserve(rows.size() * depth);
  for (const std::size_t row : rows) {
    const auto begin = matrix.begin() + static_cast<std::ptrdiff_t>(row * depth);
    taken.insert(taken.end(), begin, begin + static_cast<std::ptrdiff_t>(depth));
  }
  return taken;
}

// Rows of a problem and of its factors. The matrix of inputs is that of all.
class SomeRows {
 public:
  SomeRows(RoundingProblem whole, Factored factored)
      : cross_(std::move(whole.cross)),
        start_(std::move(whole.start)),
        optimum_(std::move(factored.optimum)),
        factored_(std::move(factored)),
        problem_(std::move(whole)) {}

  // least: [rows] of the whole problem.
  RoundedRows solve_for(const std::vector<std::size_t>& rows, const std::vector<double>& least, int threads) {
    const std::size_t depth = problem_.depth;
    problem_.rows = rows.size();
    problem_.cross = take_rows(cross_, depth, rows);
    problem_.start = take_rows(start_, depth, rows);
    problem_.least = take_rows(least, 1, rows);
    factored_.optimum = take_rows(optimum_, depth, rows);
    return solve(problem_, factored_, threads);
  }

 private:
  std::vector<double> cross_, start_;
  std::vector<float> optimum_;
  Factored factored_;
  RoundingProblem problem_;
};

Factored factors_of(const RoundingProblem& problem, int threads) {
  return problem.depth <= kEnumeratedDepth ? Factored{} : factor(problem, threads);
}

}  // namespace

RoundedRows solve(const RoundingProblem& problem, int threads) {
  return solve(problem, factors_of(problem, threads), threads);
}

RoundedRows solve(RoundingProblem problem, const LaneLimit& lanes, int threads) {
  constexpr double kRaise = 1.01;
  constexpr double kLargestRaise = 2;
  Factored factored = factors_of(problem, threads);
  RoundedRows free = solve(problem, factored, threads);
  if (!lanes.is_set()) return free;
  const std::size_t depth = problem.depth;
  const std::size_t rows = problem.rows;
  const bool one_scale = problem.one_scale;
  base::CancelLatch* const latch = problem.latch;
  std::vector<double> least = problem.least;
  RoundedRows rounded = free;
  const auto put = [&](const RoundedRows& from, std::size_t row_from, std::size_t row) {
    std::copy_n(from.weights.begin() + static_cast<std::ptrdiff_t>(row_from * depth), depth,
                rounded.weights.begin() + static_cast<std::ptrdiff_t>(row * depth));
    rounded.scales[row] = from.scales[row_from];
  };
  SomeRows part(std::move(problem), std::move(factored));
  std::vector<bool> is_left(rows, false);  // with its larger sum
  while (latch == nullptr || !latch->seen()) {
    std::vector<std::size_t> over;
    for (std::size_t row = 0; row < rows; ++row) {
      const double sum = largest_lane_sum(rounded.weights.data() + row * depth, depth, lanes);
      if (is_left[row] || !(sum > lanes.largest_sum)) continue;
      least[row] = std::max(least[row], rounded.scales[row]) * std::max(kRaise, sum / lanes.largest_sum);
      over.push_back(row);
    }
    if (over.empty()) break;
    if (one_scale) {
      std::fill(least.begin(), least.end(), *std::max_element(least.begin(), least.end()));
      over.resize(rows);
      std::iota(over.begin(), over.end(), std::size_t{0});
    }
    const RoundedRows again = part.solve_for(over, least, threads);
    for (std::size_t i = 0; i < over.size(); ++i) {
      put(again, i, over[i]);
      if (again.scales[i] <= kLargestRaise * free.scales[over[i]]) continue;
      if (one_scale) return free;
      is_left[over[i]] = true;
      put(free, over[i], over[i]);
    }
  }
  return rounded;
}

}  // namespace narrow::graph
