#include "apps/run/second_network.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "apps/run/answers.h"
#include "apps/text/words.h"
#include "base/parallel.h"
#include "base/try.h"

namespace narrow::cli {

Result<SecondNetwork> SecondNetwork::open(const LoadedModel& loaded, const Network& first, const std::string& isa,
                                          int threads, int batch) {
  SecondNetwork second;
  NARROW_ASSIGN(second.network_, open_network(loaded, isa, threads, batch));
  if (second.network_->classes() != first.classes()) {
    return Error{ErrorCode::kInvalidArgument,
                 format("has %lld classes, and the network that it is to be compared with %lld; give one that tells "
                        "the same classes apart",
                        static_cast<long long>(second.network_->classes()), static_cast<long long>(first.classes())),
                 loaded.path};
  }
  second.preprocessing_ = loaded.preprocessing;
  second.labels_ = loaded.shown_labels();
  second.path_ = loaded.path;
  second.threads_ = threads;
  return second;
}

Result<std::vector<SecondAnswer>> SecondNetwork::answers(std::span<const Picture> pictures,
                                                         std::span<const ImageScores> first) {
  const auto elems = static_cast<std::size_t>(network_->input_shape().elems());
  const auto classes = static_cast<std::size_t>(network_->classes());
  std::vector<float> inputs(pictures.size() * elems);
  std::vector<Status> prepared(pictures.size());
  base::parallel_for(pictures.size(), threads_, [&](std::size_t i, int) {
    prepared[i] = preprocess(pictures[i], preprocessing_, std::span(inputs).subspan(i * elems, elems));
  });
  for (const Status& status : prepared) NARROW_TRY(status);
  std::vector<float> scores(pictures.size() * classes);
  NARROW_TRY(network_->run(inputs, scores));
  if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); })) {
    return Error{ErrorCode::kMalformed,
                 "gives NaN for one of the images; narrow trace writes all tensors, of which the first with NaN is at "
                 "fault",
                 path_};
  }
  std::vector<SecondAnswer> answers;
  const auto best_of = [](const std::vector<float>& values) {
    return std::max_element(values.begin(), values.end()) - values.begin();
  };
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::span<const float> own = std::span(scores).subspan(i * classes, classes);
    const ScoreKind kind = network_->score_kind();
    const auto best = best_of(class_scores(own, kind));
    const std::size_t index = static_cast<std::size_t>(best);
    const std::optional<std::vector<float>> shares =
        answers_of(own, kind, ScoreReading::kAuto, labels_.size()).probabilities;
    answers.push_back(
        {index < labels_.size() ? labels_[index] : "class " + std::to_string(index),
         shares && index < shares->size() ? (*shares)[index] : 0.0F,
         best == best_of(class_scores(first[i].scores, first[i].kind)),
         divergence(class_probabilities(own, kind), class_probabilities(first[i].scores, first[i].kind))});
  }
  return answers;
}

}  // namespace narrow::cli
