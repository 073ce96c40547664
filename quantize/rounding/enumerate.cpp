#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "quantize/rounding/problem.h"

namespace narrow::graph {
namespace {

using Weights = std::array<double, kEnumeratedDepth>;

struct Best {
  Weights q{};
  double scale = 0;
  double error = std::numeric_limits<double>::infinity();
};

class RowSearch {
 public:
  RowSearch(const RoundingProblem& problem, std::size_t row) : problem_(problem), row_(row), depth_(problem.depth) {}

  // Rounds every weight of `wanted` up or down, in all combinations.
  void roundings(const float* wanted, double scale, Best& best) const {
    Weights down{};
    for (std::size_t k = 0; k < depth_; ++k) down[k] = std::floor(double{wanted[k]} / scale);
    for (unsigned choice = 0; choice < 1U << depth_; ++choice) {
      Weights q{};
      for (std::size_t k = 0; k < depth_; ++k) {
        q[k] = std::clamp(down[k] + ((choice >> k) & 1U), double(problem_.range.lo), double(problem_.range.hi));
      }
      consider(q, scale, best);
    }
  }

  // All weights in the range, which is -1..1.
  void ternary(double scale, Best& best) const {
    Weights q{};
    std::fill_n(q.begin(), depth_, -1.0);
    while (true) {
      consider(q, scale, best);
      std::size_t k = 0;
      while (k < depth_ && q[k] == 1) q[k++] = -1;
      if (k == depth_) return;
      ++q[k];
    }
  }

 private:
  void consider(const Weights& q, double scale, Best& best) const {
    double square = 0;
    double linear = 0;
    for (std::size_t i = 0; i < depth_; ++i) {
      double product = 0;
      for (std::size_t j = 0; j < depth_; ++j) product += problem_.gram[i * depth_ + j] * q[j];
      square += q[i] * product;
      linear += q[i] * problem_.cross[row_ * depth_ + i];
    }
    const bool is_free = !problem_.one_scale && square > 0 && linear > 0;
    const double s = is_free ? std::max(linear / square, problem_.least[row_]) : scale;
    const double error = s * s * square - 2 * s * linear;
    if (error >= best.error) return;
    best = {q, s, error};
  }

  const RoundingProblem& problem_;
  std::size_t row_;
  std::size_t depth_;
};

// [rows, depth]
std::vector<float> continuous_optimum(const RoundingProblem& problem) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto depth = static_cast<Eigen::Index>(problem.depth);
  const auto rows = static_cast<Eigen::Index>(problem.rows);
  const Eigen::Map<const Matrix> gram(problem.gram.data(), depth, depth);
  const Eigen::Map<const Matrix> cross(problem.cross.data(), rows, depth);
  const Matrix solved = gram.llt().solve(cross.transpose()).transpose();
  std::vector<float> optimum(problem.cross.size());
  for (Eigen::Index r = 0; r < rows; ++r) {
    for (Eigen::Index k = 0; k < depth; ++k) {
      optimum[static_cast<std::size_t>(r * depth + k)] = static_cast<float>(solved(r, k));
    }
  }
  return optimum;
}

}  // namespace

RoundedRows enumerate(const RoundingProblem& problem, int threads) {
  const std::vector<float> optimum = continuous_optimum(problem);
  const std::vector<double> largest = largest_weights(problem, optimum);
  const bool is_ternary = problem.range == QRange{-1, 1};
  const std::vector<double> parts = scale_parts(problem.range);
  const auto search = [&](std::size_t row, double part, Best& best) {
    const RowSearch of_row(problem, row);
    if (is_ternary) {
      of_row.ternary(first_scale(problem, largest, row, part), best);
    } else {
      of_row.roundings(optimum.data() + row * problem.depth, first_scale(problem, largest, row, part), best);
    }
  };
  std::vector<Best> best(problem.rows);
  if (!problem.one_scale) {
    base::parallel_for(problem.rows, threads, [&](std::size_t row, int) {
      if (problem.is_cancelled()) return;
      for (const double part : parts) {
        search(row, part, best[row]);
        if (is_ternary) break;  // each combination finds its own scale
      }
    });
  } else {
    double least = std::numeric_limits<double>::infinity();
    for (const double part : parts) {
      std::vector<Best> tried(problem.rows);
      base::parallel_for(problem.rows, threads, [&](std::size_t row, int) {
        if (!problem.is_cancelled()) search(row, part, tried[row]);
      });
      double sum = 0;
      for (const Best& b : tried) sum += b.error;
      if (sum >= least) continue;
      least = sum;
      best = std::move(tried);
    }
  }
  RoundedRows rounded;
  for (const Best& b : best) {
    for (std::size_t k = 0; k < problem.depth; ++k) rounded.weights.push_back(static_cast<std::int8_t>(b.q[k]));
    rounded.scales.push_back(b.scale);
  }
  return rounded;
}

}  // namespace narrow::graph
