#include "apps/run/scoring.h"
#include "base/try.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "apps/text/words.h"
#include "base/parallel.h"

namespace narrow::cli {

namespace {

// Decodes and preprocesses one image into `input`.
Scored prepare(ImageTask& task, const ScoringOptions& options, std::span<float> input) {
  Scored scored{.index = task.index, .name = std::move(task.name), .label = {}, .status = {}, .scores = {}};
  Result<LabelledPicture> image = task.read();
  if (!image.ok()) {
    scored.status = std::move(image).error();
    return scored;
  }
  scored.name = std::move(image->name);
  scored.label = image->label;
  scored.status = preprocess(image->picture, options.preprocessing, input);
  if (!scored.status.ok()) {
    Error error = std::move(scored.status).error();
    if (error.where.empty()) error.where = scored.name;
    scored.status = std::move(error);
  }
  if (options.keep_pictures) scored.picture = std::move(image->picture);
  return scored;
}

// The error of scores that are NaN, which have no best class.
Status check_scores(const Scored& scored) {
  if (std::none_of(scored.scores.begin(), scored.scores.end(), [](float score) { return std::isnan(score); })) {
    return {};
  }
  return Error{ErrorCode::kMalformed,
               "the network gives NaN for this image: it divides by 0, or takes a root or a logarithm of a number that "
               "has none; narrow trace writes all tensors, of which the first with NaN is at fault",
               scored.name};
}

}  // namespace

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Status check_label(const std::optional<int>& label, const std::string& name, std::int64_t classes) {
  if (!label || (*label >= 0 && *label < classes)) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      format("its label is class %d, but the network has %lld classes", *label, static_cast<long long>(classes)), name};
}

Result<ScoringTime> score_stream(Network& network, const TakeImages& take, const ScoringOptions& options,
                                 const std::function<Status(const Scored&)>& sink) {
  const auto start = std::chrono::steady_clock::now();
  const auto elems = static_cast<std::size_t>(network.input_shape().elems());
  const auto classes = static_cast<std::size_t>(network.classes());
  const auto batch = static_cast<std::size_t>(options.batch);
  std::vector<float> inputs;
  std::vector<float> scores;
  std::vector<Scored> images(batch);
  ScoringTime time;
  for (std::vector<ImageTask> tasks = take(batch); !tasks.empty(); tasks = take(batch)) {
    const std::size_t size = tasks.size();
    if (inputs.size() < size * elems) {
      inputs.resize(size * elems);
      scores.resize(size * classes);
    }
    base::parallel_for(size, options.threads, [&](std::size_t i, int) {
      images[i] = prepare(tasks[i], options, std::span(inputs).subspan(i * elems, elems));
    });
    // Images that could not be read leave gaps. The others are moved together.
    std::size_t good = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (!images[i].status.ok()) continue;
      if (good != i) std::copy_n(inputs.data() + i * elems, elems, inputs.data() + good * elems);
      images[i].scores = std::span(scores).subspan(good * classes, classes);
      ++good;
    }
    if (good > 0) {
      const auto network_start = std::chrono::steady_clock::now();
      NARROW_TRY(network.run(std::span(inputs).first(good * elems), std::span(scores).first(good * classes)));
      time.network_seconds += seconds_since(network_start);
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (images[i].status.ok()) images[i].status = check_scores(images[i]);
    }
    for (std::size_t i = 0; i < size; ++i) NARROW_TRY(sink(images[i]));
  }
  time.total_seconds = seconds_since(start);
  return time;
}

Result<ScoringTime> score_images(Network& network, std::size_t count,
                                 const std::function<Result<LabelledPicture>(std::size_t)>& fetch,
                                 const ScoringOptions& options, const std::function<Status(const Scored&)>& sink) {
  std::size_t next = 0;
  const auto take = [&](std::size_t most) {
    std::vector<ImageTask> tasks;
    for (; next < count && tasks.size() < most; ++next) {
      tasks.push_back({next, {}, [&fetch, i = next] { return fetch(i); }});
    }
    return tasks;
  };
  return score_stream(network, take, options, sink);
}

}  // namespace narrow::cli
