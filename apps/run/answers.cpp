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

Answers answers_of(std::span<const float> scores, ScoreKind kind, ScoreReading reading, std::size_t labels) {
  std::vector<float> as_they_are(scores.begin(), scores.end());
  if (reading == ScoreReading::kRaw) return {std::move(as_they_are), std::nullopt};
  const std::vector<float> of_scores = read(scores, kind, reading);
  if (scores.size() != 1 || labels == 1) return {std::move(as_they_are), of_scores};
  const std::vector<float> both{1 - of_scores[0], of_scores[0]};
  return {both, both};
}

}  // namespace narrow::cli
