// What `narrow evaluate` measured, as text and as JSON.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "apps/run/network.h"
#include "apps/run/scoring.h"
#include "narrow/preprocess.h"

namespace narrow::cli {

// How many labels were the best class, and how many were among the five best.
struct Tally {
  std::size_t images = 0;
  std::size_t top1 = 0;
  std::size_t top5 = 0;

  void add(std::span<const float> scores, int label);
  [[nodiscard]] double percent(std::size_t right) const {
    return 100.0 * static_cast<double>(right) / static_cast<double>(images);
  }
};

struct EvaluateReport {
  NetworkSummary network;
  std::vector<std::string> images;  // the arguments that name them
  std::size_t available = 0;        // number of images in these sets
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> notes;
  Tally tally = {};
  ScoringTime time = {};
  int threads = 1;
  int batch = 1;
  std::string scores;  // the file with the written scores; may be empty

  // Without and with the time of decoding and preprocessing.
  [[nodiscard]] double images_per_second() const;
  [[nodiscard]] double images_per_second_with_decoding() const;
};

[[nodiscard]] std::string evaluate_text(const EvaluateReport& report);
[[nodiscard]] std::string evaluate_json(const EvaluateReport& report);

}  // namespace narrow::cli
