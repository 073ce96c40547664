// Computes scores of images: decoding, preprocessing and running, batch by batch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/run/network.h"
#include "narrow/image.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

[[nodiscard]] double seconds_since(std::chrono::steady_clock::time_point start);

// An image to score.
struct ImageTask {
  std::uint64_t index = 0;  // in the order of all images
  std::string name;         // as LabelledPicture::name
  std::function<Result<LabelledPicture>()> read;
};
// Returns the next images, at most `most`, and none at the end. Called by one thread.
using TakeImages = std::function<std::vector<ImageTask>(std::size_t most)>;

// The result of one image.
struct Scored {
  std::uint64_t index = 0;
  std::string name;
  std::optional<int> label;
  Status status;                  // why the image has no scores: it can't be read, or they are NaN
  std::span<const float> scores;  // [classes]; of use only if `status` is ok
  Picture picture = {};           // only with ScoringOptions::keep_pictures
};

struct ScoringTime {
  double total_seconds = 0;
  double network_seconds = 0;  // without decoding and preprocessing
};

struct ScoringOptions {
  Preprocessing preprocessing;
  int threads = 1;
  int batch = 1;
  bool keep_pictures = false;
};

// Error: the image of this name has a label that is no class of the network.
[[nodiscard]] Status check_label(const std::optional<int>& label, const std::string& name, std::int64_t classes);

// Scores images as they are taken, and passes the results to `sink` in that order. An error of `sink` ends the work.
// Memory holds one batch at a time. Several threads read images.
[[nodiscard]] Result<ScoringTime> score_stream(Network& network, const TakeImages& take, const ScoringOptions& options,
                                               const std::function<Status(const Scored&)>& sink);

// The same of images fetch(0) .. fetch(count - 1). Several threads call `fetch`.
[[nodiscard]] Result<ScoringTime> score_images(Network& network, std::size_t count,
                                               const std::function<Result<LabelledPicture>(std::size_t)>& fetch,
                                               const ScoringOptions& options,
                                               const std::function<Status(const Scored&)>& sink);

}  // namespace narrow::cli
