#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "base/arithmetic.h"
#include "base/parallel.h"
#include "quantize/rounding/problem.h"
#include "quantize/rounding/vector_math.h"

namespace narrow::graph {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::size_t kStepsBetweenChecks = 256;
// Attempts that share what is read of R, which no cache holds where it is large; their errors stay in L2.
constexpr std::size_t kAttemptsTogether = 24;
// Larger solves and updates are done in strips of rows, between which they can be cancelled.
constexpr Eigen::Index kWholeUpTo = 1024;

// Calls body(first row, number of rows) for each strip. No strip reads what another one writes.
void in_strips(Eigen::Index rows, Eigen::Index strip, const RoundingProblem& problem, int threads,
               const std::function<void(Eigen::Index, Eigen::Index)>& body) {
  if (rows == 0) return;
  const auto strips = static_cast<std::size_t>((rows + strip - 1) / strip);
  base::parallel_for(strips, threads, [&](std::size_t i, int) {
    if (problem.is_cancelled()) return;
    const Eigen::Index first = static_cast<Eigen::Index>(i) * strip;
    body(first, std::min(strip, rows - first));
  });
}

// H = LL', L in the lower triangle. The algorithm and the blocks are those of Eigen::LLT, which can't be stopped.
void factor_cholesky(Matrix& matrix, const RoundingProblem& problem, int threads) {
  using Eigen::Index;
  using Unblocked = Eigen::internal::llt_inplace<double, Eigen::Lower>;
  const Index size = matrix.rows();
  const Index most = size < 32 ? size : std::clamp<Index>(size / 8 / 16 * 16, 8, 128);
  for (Index k = 0; k < size && !problem.is_cancelled(); k += most) {
    const Index width = std::min(most, size - k);
    const Index rest = size - k - width;
    auto corner = matrix.block(k, k, width, width);
    if (Unblocked::unblocked(corner) >= 0 || rest == 0) return;
    auto below = matrix.block(k + width, k, rest, width);
    corner.adjoint().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(below);
    auto square = matrix.block(k + width, k + width, rest, rest);
    in_strips(rest, rest <= kWholeUpTo ? rest : 384, problem, threads, [&](Index i, Index rows) {
      if (i > 0) square.block(i, 0, rows, i).noalias() -= below.middleRows(i, rows) * below.topRows(i).transpose();
      square.block(i, i, rows, rows).selfadjointView<Eigen::Lower>().rankUpdate(below.middleRows(i, rows), -1);
    });
  }
}

// cross * (LL')^-1.
void solve_rows(const Matrix& factored, Matrix& cross, const RoundingProblem& problem, int threads) {
  const auto lower = factored.triangularView<Eigen::Lower>();
  const Eigen::Index strip = factored.rows() <= kWholeUpTo ? cross.rows() : 16;
  in_strips(cross.rows(), strip, problem, threads, [&](Eigen::Index row, Eigen::Index count) {
    auto rows = cross.middleRows(row, count);
    lower.transpose().solveInPlace<Eigen::OnTheRight>(rows);
    lower.solveInPlace<Eigen::OnTheRight>(rows);
  });
}

// One row of the problem with one scale, while its weights are rounded.
struct Attempt {
  std::size_t row = 0;
  double scale = 0;
  std::vector<float> error;    // [depth] optimum - scale * q, of the weights that are rounded
  std::vector<std::int8_t> q;  // [depth], in the order of factoring
  double loss = 0;
};

class ColumnSolver {
 public:
  ColumnSolver(const RoundingProblem& problem, const Factored& factored) : problem_(problem), factored_(factored) {}

  // All attempts side by side, so that a row of R is read from memory once.
  void run(std::vector<Attempt>& attempts) const {
    const std::size_t depth = problem_.depth;
    const double lo = problem_.range.lo;
    const double hi = problem_.range.hi;
    for (Attempt& attempt : attempts) {
      attempt.error.assign(depth, 0.0F);
      attempt.q.assign(depth, 0);
      attempt.loss = 0;
    }
    for (std::size_t k = depth; k-- > 0;) {
      if (k % kStepsBetweenChecks == 0 && problem_.is_cancelled()) return;
      const float* row = factored_.factor.data() + k * depth;
      for (Attempt& attempt : attempts) {
        const float w = factored_.optimum[attempt.row * depth + k];
        const double wanted = double{w} + double{dot(row + k + 1, attempt.error.data() + k + 1, depth - k - 1)};
        const double q = std::clamp(std::nearbyint(wanted / attempt.scale), lo, hi);
        const double missed = factored_.diagonal[k] * (wanted - q * attempt.scale);
        attempt.q[k] = static_cast<std::int8_t>(q);
        attempt.error[k] = static_cast<float>(double{w} - q * attempt.scale);
        attempt.loss += missed * missed;
      }
    }
  }

  void keep(const Attempt& attempt, RoundedRows& rounded) const {
    const std::size_t depth = problem_.depth;
    for (std::size_t k = 0; k < depth; ++k) {
      rounded.weights[attempt.row * depth + factored_.order[k]] = attempt.q[k];
    }
    rounded.scales[attempt.row] = attempt.scale;
  }

 private:
  const RoundingProblem& problem_;
  const Factored& factored_;
};

}  // namespace

Factored factor(const RoundingProblem& problem, int threads) {
  const std::size_t depth = problem.depth;
  const auto size = static_cast<Eigen::Index>(depth);
  Factored result;
  result.order.resize(depth);
  std::iota(result.order.begin(), result.order.end(), std::size_t{0});
  // What matters most is rounded first, and so stands last.
  std::stable_sort(result.order.begin(), result.order.end(), [&](std::size_t a, std::size_t b) {
    return problem.gram[a * depth + a] < problem.gram[b * depth + b];
  });
  Matrix gram(size, size);
  for (Eigen::Index i = 0; i < size && !problem.is_cancelled(); ++i) {
    for (Eigen::Index j = 0; j < size; ++j) {
      gram(i, j) =
          problem.gram[result.order[static_cast<std::size_t>(i)] * depth + result.order[static_cast<std::size_t>(j)]];
    }
  }
  const auto rows = static_cast<Eigen::Index>(problem.rows);
  Matrix cross(rows, size);
  for (Eigen::Index r = 0; r < rows; ++r) {
    for (Eigen::Index k = 0; k < size; ++k) {
      cross(r, k) = problem.cross[static_cast<std::size_t>(r) * depth + result.order[static_cast<std::size_t>(k)]];
    }
  }
  factor_cholesky(gram, problem, threads);
  solve_rows(gram, cross, problem, threads);
  result.optimum.resize(problem.rows * depth);
  for (std::size_t i = 0; i < result.optimum.size(); ++i) {
    result.optimum[i] =
        static_cast<float>(cross(static_cast<Eigen::Index>(i / depth), static_cast<Eigen::Index>(i % depth)));
  }
  result.diagonal.resize(depth);
  result.factor.assign(depth * depth, 0.0F);
  for (Eigen::Index k = 0; k < size && !problem.is_cancelled(); ++k) {
    const double diagonal = gram(k, k);
    result.diagonal[static_cast<std::size_t>(k)] = diagonal;
    for (Eigen::Index j = k; j < size; ++j) {
      result.factor[static_cast<std::size_t>(k) * depth + static_cast<std::size_t>(j)] =
          static_cast<float>(gram(j, k) / diagonal);
    }
  }
  return result;
}

RoundedRows column_solve(const RoundingProblem& problem, const Factored& factored, int threads) {
  const ColumnSolver solver(problem, factored);
  const std::vector<double> largest = largest_weights(problem, factored.optimum);
  const std::vector<double> parts = scale_parts(problem.range);
  RoundedRows rounded;
  rounded.weights.resize(problem.rows * problem.depth);
  rounded.scales.resize(problem.rows);
  if (!problem.one_scale) {
    const std::size_t together = std::max<std::size_t>(kAttemptsTogether / parts.size(), 1);
    base::parallel_for(base::ceil_div(problem.rows, together), threads, [&](std::size_t group, int) {
      if (problem.is_cancelled()) return;
      const std::size_t first = group * together;
      const std::size_t last = std::min(first + together, problem.rows);
      std::vector<Attempt> attempts;
      for (std::size_t row = first; row < last; ++row) {
        for (const double part : parts) {
          attempts.emplace_back();
          attempts.back().row = row;
          attempts.back().scale = first_scale(problem, largest, row, part);
        }
      }
      solver.run(attempts);
      const auto each = static_cast<std::ptrdiff_t>(parts.size());
      for (auto of_row = attempts.begin(); of_row != attempts.end(); of_row += each) {
        solver.keep(*std::min_element(of_row, of_row + each,
                                      [](const Attempt& a, const Attempt& b) { return a.loss < b.loss; }),
                    rounded);
      }
    });
    return rounded;
  }
  double best = std::numeric_limits<double>::infinity();
  for (const double part : parts) {
    if (problem.is_cancelled()) return rounded;
    std::vector<Attempt> attempts(problem.rows);
    base::parallel_for(problem.rows, threads, [&](std::size_t row, int) {
      if (problem.is_cancelled()) return;
      std::vector<Attempt> one(1);
      one[0].row = row;
      one[0].scale = first_scale(problem, largest, row, part);
      solver.run(one);
      attempts[row] = std::move(one[0]);
    });
    if (problem.is_cancelled()) return rounded;
    const double loss = std::accumulate(attempts.begin(), attempts.end(), 0.0,
                                        [](double sum, const Attempt& attempt) { return sum + attempt.loss; });
    if (loss >= best) continue;
    best = loss;
    for (const Attempt& attempt : attempts) solver.keep(attempt, rounded);
  }
  return rounded;
}

}  // namespace narrow::graph
