// The evaluations of all shards as the evaluation of all images.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "apps/run/network.h"
#include "apps/run/shard.h"
#include "apps/run/tally.h"
#include "narrow/result.h"

namespace narrow::cli {

// The document of one shard, as far as it is merged.
struct ShardEvaluation {
  std::string file;  // of the document
  NetworkSummary network;
  std::vector<std::string> images;  // the arguments that name them
  std::size_t available = 0;        // number of images in these sets
  std::size_t chosen = 0;           // of them, by all shards
  std::string settings;
  Shard shard;
  Tally tally;
};

struct MergedEvaluation {
  NetworkSummary network;
  std::vector<std::string> images;
  std::size_t available = 0;
  std::string settings;
  std::vector<std::string> files;  // the documents
  Tally tally;
};

// All numbers are counts, so the result is that of one process. Errors: kInvalidArgument, the shards are not all those
// of one evaluation, each once.
[[nodiscard]] Result<MergedEvaluation> merge(const std::vector<ShardEvaluation>& shards);

}  // namespace narrow::cli
