// Pictures in, scores out: decoding, preprocessing and running, batch by batch.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "apps/run/network.h"
#include "narrow/image.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::cli {

// One picture's way through the network.
struct Scored {
  std::size_t index = 0;
  std::string name;
  std::optional<int> label;
  Status status;                  // why the picture could not be read
  std::span<const float> scores;  // [classes]; empty if it could not be
};

struct ScoringTime {
  double total_seconds = 0;
  double network_seconds = 0;  // without decoding and preprocessing
};

struct ScoringOptions {
  Preprocessing preprocessing;
  int threads = 1;
  int batch = 1;
};

// Scores pictures fetch(0) .. fetch(count - 1) and hands them to `sink` in that order; an error of `sink` ends the
// work. Memory holds one batch at a time. `fetch` is called from several threads.
[[nodiscard]] Result<ScoringTime> score_pictures(Network& network, std::size_t count,
                                                 const std::function<Result<LabelledPicture>(std::size_t)>& fetch,
                                                 const ScoringOptions& options,
                                                 const std::function<Status(const Scored&)>& sink);

}  // namespace narrow::cli
