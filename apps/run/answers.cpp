#include "apps/run/answers.h"

#include <algorithm>
#include <cmath>

#include "narrow/session.h"

namespace narrow::cli {
namespace {

float sigmoid(float score) { return static_cast<float>(1 / (1 + std::exp(-double{score}))); }

std::vector<float> read(std::span<const float> scores, ScoreKind kind, ScoreReading reading) {
  if (reading == ScoreReading::kAuto) return probabilities(scores, kind);
  if (reading == ScoreReading::kSoftmax) return softmax(scores);
  std::vector<float> result(scores.begin(), scores.end());
  if (reading == ScoreReading::kSigmoid) std::transform(result.begin(), result.end(), result.begin(), sigmoid);
  return result;
}

}  // namespace

std::vector<std::string> score_reading_names() { return {"auto", "softmax", "sigmoid", "raw"}; }

ScoreReading parse_score_reading(const std::string& name) {
  if (name == "softmax") return ScoreReading::kSoftmax;
  if (name == "sigmoid") return ScoreReading::kSigmoid;
  return name == "raw" ? ScoreReading::kRaw : ScoreReading::kAuto;
}

std::int64_t named_classes(std::int64_t scores) { return scores == 1 ? 2 : scores; }

std::vector<float> class_scores(std::span<const float> scores, ScoreKind kind) {
  if (scores.size() != 1) return {scores.begin(), scores.end()};
  const float probability = probabilities(scores, kind)[0];
  return {1 - probability, probability};
}

std::vector<float> class_probabilities(std::span<const float> scores, ScoreKind kind) {
  return scores.size() == 1 ? class_scores(scores, kind) : probabilities(scores, kind);
}

Answers answers_of(std::span<const float> scores, ScoreKind kind, ScoreReading reading, std::size_t labels) {
  std::vector<float> as_they_are(scores.begin(), scores.end());
  if (reading == ScoreReading::kRaw) return {std::move(as_they_are), std::nullopt};
  const std::vector<float> of_scores = read(scores, kind, reading);
  if (scores.size() != 1 || labels == 1) return {std::move(as_they_are), of_scores};
  const std::vector<float> both{1 - of_scores[0], of_scores[0]};
  return {both, both};
}

double divergence(std::span<const float> reference, std::span<const float> other) {
  double sum = 0;
  for (std::size_t c = 0; c < reference.size(); ++c) {
    constexpr float kSmallest = 1e-12F;
    const double p = std::max(reference[c], kSmallest);
    sum += p * std::log(p / static_cast<double>(std::max(other[c], kSmallest)));
  }
  return sum;
}

}  // namespace narrow::cli
