#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "quantize/rounding/problem.h"
#include "quantize/rounding/vector_math.h"

namespace narrow::graph {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

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

Factored factor(const RoundingProblem& problem) {
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
  for (Eigen::Index i = 0; i < size; ++i) {
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
  Eigen::LLT<Eigen::Ref<Matrix>> cholesky(gram);  // in place
  const auto lower = cholesky.matrixL();
  lower.transpose().solveInPlace<Eigen::OnTheRight>(cross);
  lower.solveInPlace<Eigen::OnTheRight>(cross);
  result.optimum.resize(problem.rows * depth);
  for (std::size_t i = 0; i < result.optimum.size(); ++i) {
    result.optimum[i] =
        static_cast<float>(cross(static_cast<Eigen::Index>(i / depth), static_cast<Eigen::Index>(i % depth)));
  }
  result.diagonal.resize(depth);
  result.factor.assign(depth * depth, 0.0F);
  for (Eigen::Index k = 0; k < size; ++k) {
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
    base::parallel_for(problem.rows, threads, [&](std::size_t row, int) {
      std::vector<Attempt> attempts;
      for (const double part : parts) {
        attempts.emplace_back();
        attempts.back().row = row;
        attempts.back().scale = first_scale(problem, largest, row, part);
      }
      solver.run(attempts);
      solver.keep(*std::min_element(attempts.begin(), attempts.end(),
                                    [](const Attempt& a, const Attempt& b) { return a.loss < b.loss; }),
                  rounded);
    });
    return rounded;
  }
  double best = std::numeric_limits<double>::infinity();
  for (const double part : parts) {
    std::vector<Attempt> attempts(problem.rows);
    base::parallel_for(problem.rows, threads, [&](std::size_t row, int) {
      std::vector<Attempt> one(1);
      one[0].row = row;
      one[0].scale = first_scale(problem, largest, row, part);
      solver.run(one);
      attempts[row] = std::move(one[0]);
    });
    const double loss = std::accumulate(attempts.begin(), attempts.end(), 0.0,
                                        [](double sum, const Attempt& attempt) { return sum + attempt.loss; });
    if (loss >= best) continue;
    best = loss;
    for (const Attempt& attempt : attempts) solver.keep(attempt, rounded);
  }
  return rounded;
}

}  // namespace narrow::graph
