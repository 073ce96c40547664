// Functions that callers apply to scores.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "narrow/session.h"

namespace narrow {
inline namespace v0 {

std::vector<float> softmax(std::span<const float> scores) {
  std::vector<float> probabilities(scores.size());
  if (scores.empty()) return probabilities;
  // After subtracting the largest score, exp can't overflow. In double, the probabilities of a thousand classes sum to
  // 1.
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> powers(scores.size());
  std::transform(scores.begin(), scores.end(), powers.begin(), [&](float x) { return std::exp(double{x} - largest); });
  const double sum = std::accumulate(powers.begin(), powers.end(), 0.0);
  std::transform(powers.begin(), powers.end(), probabilities.begin(),
                 [&](double power) { return static_cast<float>(power / sum); });
  return probabilities;
}

std::vector<float> probabilities(std::span<const float> scores, ScoreKind kind) {
  if (kind != ScoreKind::kLogits) return {scores.begin(), scores.end()};
  if (scores.size() != 1) return softmax(scores);
  return {static_cast<float>(1 / (1 + std::exp(-double{scores[0]})))};
}

std::vector<Ranked> top_k(std::span<const float> scores, int k) {
  std::vector<Ranked> ranked(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) ranked[i] = {static_cast<int>(i), scores[i]};
  const auto kept = std::min(scores.size(), static_cast<std::size_t>(std::max(k, 0)));
  // NaN counts as the lowest score, because comparisons with NaN are no order.
  const auto key = [](const Ranked& r) {
    return std::isnan(r.score) ? -std::numeric_limits<float>::infinity() : r.score;
  };
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(kept), ranked.end(),
                    [&](const Ranked& a, const Ranked& b) {
                      return key(a) > key(b) || (key(a) == key(b) && a.class_index < b.class_index);
                    });
  ranked.resize(kept);
  return ranked;
}

}  // namespace v0
}  // namespace narrow
