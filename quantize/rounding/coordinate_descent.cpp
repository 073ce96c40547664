#include <algorithm>
#include <cmath>

#include "base/arithmetic.h"
#include "base/parallel.h"
#include "quantize/rounding/problem.h"
#include "quantize/rounding/vector_math.h"

namespace narrow::graph {
namespace {

// Rows that are improved side by side, so that a row of H is read from memory once.
constexpr std::size_t kBlock = 16;
constexpr std::size_t kWeightsBetweenChecks = 256;

class Descent {
 public:
  Descent(const RoundingProblem& problem, const std::vector<float>& gram, RoundedRows& rounded)
      : problem_(problem), gram_(gram), rounded_(rounded) {}

  void run(std::size_t first, std::size_t last, int sweeps) const {
    const std::size_t depth = problem_.depth;
    std::vector<float> products((last - first) * depth);  // qH of each row
    std::vector<bool> changed(last - first, true);
    for (std::size_t k = 0; k < depth; ++k) {
      if (k % kWeightsBetweenChecks == 0 && problem_.is_cancelled()) return;
      for (std::size_t row = first; row < last; ++row) {
        const float q = rounded_.weights[row * depth + k];
        if (q != 0) add_scaled(q, gram_.data() + k * depth, products.data() + (row - first) * depth, depth);
      }
    }
    for (std::size_t row = first; row < last; ++row) rescale(row, products.data() + (row - first) * depth);
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      std::vector<bool> moved(last - first, false);
      for (std::size_t k = 0; k < depth; ++k) {
        if (k % kWeightsBetweenChecks == 0 && problem_.is_cancelled()) return;
        for (std::size_t row = first; row < last; ++row) {
          if (changed[row - first] && move(row, k, products.data() + (row - first) * depth)) moved[row - first] = true;
        }
      }
      for (std::size_t row = first; row < last; ++row) {
        if (moved[row - first]) rescale(row, products.data() + (row - first) * depth);
      }
      changed = moved;
      if (std::none_of(moved.begin(), moved.end(), [](bool m) { return m; })) return;
    }
  }

 private:
  // The best integer for one weight.
  bool move(std::size_t row, std::size_t k, float* products) const {
    const std::size_t depth = problem_.depth;
    const double own = problem_.gram[k * depth + k];
    std::int8_t& q = rounded_.weights[row * depth + k];
    const double rest = double{products[k]} - q * own;
    const double wanted = (problem_.cross[row * depth + k] / rounded_.scales[row] - rest) / own;
    const double best = std::clamp(std::nearbyint(wanted), double(problem_.range.lo), double(problem_.range.hi));
    const double step = best - q;
    if (step == 0) return false;
    q = static_cast<std::int8_t>(best);
    add_scaled(static_cast<float>(step), gram_.data() + k * depth, products, depth);
    return true;
  }

  // The best scale for the row's integers.
  void rescale(std::size_t row, const float* products) const {
    if (problem_.one_scale) return;
    const std::size_t depth = problem_.depth;
    double square = 0;
    double linear = 0;
    for (std::size_t k = 0; k < depth; ++k) {
      const double q = rounded_.weights[row * depth + k];
      square += q * double{products[k]};
      linear += q * problem_.cross[row * depth + k];
    }
    if (square > 0 && linear > 0) rounded_.scales[row] = std::max(linear / square, problem_.least[row]);
  }

  const RoundingProblem& problem_;
  const std::vector<float>& gram_;
  RoundedRows& rounded_;
};

}  // namespace

void coordinate_descent(const RoundingProblem& problem, RoundedRows& rounded, int sweeps, int threads) {
  const std::vector<float> gram(problem.gram.begin(), problem.gram.end());
  const Descent descent(problem, gram, rounded);
  base::parallel_for(base::ceil_div(problem.rows, kBlock), threads, [&](std::size_t block, int) {
    descent.run(block * kBlock, std::min((block + 1) * kBlock, problem.rows), sweeps);
  });
}

}  // namespace narrow::graph
