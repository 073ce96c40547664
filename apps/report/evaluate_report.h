// What `narrow evaluate` measured, as text and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/run/merged_evaluation.h"
#include "apps/run/network.h"
#include "apps/run/scoring.h"
#include "apps/run/shard.h"
#include "apps/run/tally.h"
#include "narrow/image.h"
#include "narrow/preprocess.h"

namespace narrow::cli {

struct EvaluateReport {
  NetworkSummary network;
  std::vector<std::string> images;         // the arguments that name them
  std::size_t available = 0;               // number of images in these sets
  std::vector<LeftOutFile> left_out = {};  // of the folders
  Preprocessing preprocessing;
  bool preprocessing_is_assumed = false;
  std::vector<std::string> notes;
  Tally tally = {};
  ScoringTime time = {};
  int threads = 1;
  int batch = 1;
  std::string scores;      // the file with the written scores; may be empty
  std::size_t chosen = 0;  // number of images, of all shards
  std::optional<Shard> shard = {};
  std::string settings = {};  // what the result depends on; only of a shard

  // Without and with the time of decoding and preprocessing.
  [[nodiscard]] double images_per_second() const;
  [[nodiscard]] double images_per_second_with_decoding() const;
};

[[nodiscard]] std::string evaluate_text(const EvaluateReport& report);
[[nodiscard]] std::string evaluate_json(const EvaluateReport& report);

[[nodiscard]] std::string merged_text(const MergedEvaluation& merged);
[[nodiscard]] std::string merged_json(const MergedEvaluation& merged);
// Of the document of `narrow evaluate --shard I/N --json`. file: its name. Error: kMalformed.
[[nodiscard]] Result<ShardEvaluation> read_shard_evaluation(std::string_view document, const std::string& file);

}  // namespace narrow::cli
