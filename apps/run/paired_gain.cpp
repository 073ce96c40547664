#include "apps/run/paired_gain.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "apps/run/answers.h"
#include "apps/run/statistics.h"

namespace narrow::cli {

namespace {

double noise_of(std::span<const float> expected, std::span<const float> scores) {
  double noise = 0;
  for (std::size_t c = 0; c < expected.size(); ++c) {
    const double difference = double{expected[c]} - double{scores[c]};
    noise += difference * difference;
  }
  return noise;
}

long best_of(std::span<const float> scores, ScoreKind kind) {
  const std::vector<float> of_classes = class_scores(scores, kind);
  return std::max_element(of_classes.begin(), of_classes.end()) - of_classes.begin();
}

}  // namespace

PairedGain paired_gain(const ScoredSet& reference, const ScoredSet& before, const ScoredSet& after, std::size_t count) {
  constexpr std::size_t kResamples = 1000;
  PairedGain gain;
  std::vector<double> noise_before(count);
  std::vector<double> noise_after(count);
  const auto of_image = [count](const ScoredSet& set, std::size_t i) {
    const std::size_t classes = set.scores.size() / count;
    return std::span(set.scores).subspan(i * classes, classes);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const float> expected = of_image(reference, i);
    const long answer = best_of(expected, reference.kind);
    const bool was_same = best_of(of_image(before, i), before.kind) == answer;
    const bool is_same = best_of(of_image(after, i), after.kind) == answer;
    gain.more_same += is_same && !was_same ? 1U : 0U;
    gain.fewer_same += was_same && !is_same ? 1U : 0U;
    noise_before[i] = noise_of(expected, of_image(before, i));
    noise_after[i] = noise_of(expected, of_image(after, i));
  }
  if (reference.kind != before.kind || reference.kind != after.kind) return gain;
  std::mt19937_64 random(1);  // its numbers are the same everywhere
  std::vector<double> gains;
  for (std::size_t resample = 0; resample <= kResamples; ++resample) {
    double sum_before = 0;
    double sum_after = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t image = resample == 0 ? i : static_cast<std::size_t>(random() % count);  // first all of them
      sum_before += noise_before[image];
      sum_after += noise_after[image];
    }
    if (!(sum_before > 0) || !(sum_after > 0)) return gain;
    gains.push_back(10 * std::log10(sum_before / sum_after));
  }
  gain.decibels = gains.front();
  gains.erase(gains.begin());
  std::sort(gains.begin(), gains.end());
  gain.decibels_interval = {percentile(gains, 2.5), percentile(gains, 97.5)};
  return gain;
}

}  // namespace narrow::cli
