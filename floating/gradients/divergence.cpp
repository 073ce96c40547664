#include "floating/gradients/divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace narrow::graph {
namespace {

// Natural logarithms of the softmax.
void log_softmax(const float* scores, std::vector<double>& result) {
  double largest = -HUGE_VAL;
  for (std::size_t c = 0; c < result.size(); ++c) largest = std::max(largest, double{scores[c]});
  double sum = 0;
  for (std::size_t c = 0; c < result.size(); ++c) sum += std::exp(double{scores[c]} - largest);
  const double shift = largest + std::log(sum);
  for (std::size_t c = 0; c < result.size(); ++c) result[c] = double{scores[c]} - shift;
}

}  // namespace

double divergence_gradient(const float* y, const float* target, std::size_t images, std::size_t classes, float factor,
                           float* dy) {
  std::vector<double> found(classes);
  std::vector<double> wanted(classes);
  double divergence = 0;
  for (std::size_t i = 0; i < images; ++i, y += classes, target += classes, dy += classes) {
    log_softmax(y, found);
    log_softmax(target, wanted);
    for (std::size_t c = 0; c < classes; ++c) {
      const double p = std::exp(wanted[c]);
      divergence += p * (wanted[c] - found[c]);
      dy[c] = static_cast<float>(double{factor} * (std::exp(found[c]) - p));
    }
  }
  return divergence;
}

}  // namespace narrow::graph
