// What the scores of a network say about classes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/types.h"

namespace narrow::cli {

// --scores: how probabilities are made of the scores.
enum class ScoreReading {
  kAuto,     // as the network's kind of scores requires
  kSoftmax,  // of classes of which an image has one
  kSigmoid,  // for each class on its own
  kRaw,      // none: the scores as they are
};
[[nodiscard]] std::vector<std::string> score_reading_names();
[[nodiscard]] ScoreReading parse_score_reading(const std::string& name);  // one of these

// The number of classes that a network with this many scores tells apart: a single score tells two apart.
[[nodiscard]] std::int64_t named_classes(std::int64_t scores);
// The scores of named_classes() classes: of a single score p those are 1 - p and p, with p its probability.
[[nodiscard]] std::vector<float> class_scores(std::span<const float> scores, ScoreKind kind);

// The probabilities of the same classes.
[[nodiscard]] std::vector<float> class_probabilities(std::span<const float> scores, ScoreKind kind);

struct Answers {
  std::vector<float> scores;                        // of the classes
  std::optional<std::vector<float>> probabilities;  // of the classes; nothing with kRaw
};
// The answers about one image. labels: the number of the classes' names; where a single score has a single name, it is
// not made two classes.
[[nodiscard]] Answers answers_of(std::span<const float> scores, ScoreKind kind, ScoreReading reading,
                                 std::size_t labels);

// How far probabilities are from those of a reference: their Kullback-Leibler divergence, in nats. Probabilities below
// 1e-12 count as that.
[[nodiscard]] double divergence(std::span<const float> reference, std::span<const float> other);

}  // namespace narrow::cli
