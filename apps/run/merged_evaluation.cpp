#include "apps/run/merged_evaluation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "apps/text/words.h"

namespace narrow::cli {
namespace {

constexpr std::size_t kMostNamed = 8;

Error wrong(const std::string& file, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), file};
}

// "shards 2, 5 and 7 of 8 are missing".
std::string missing_text(const std::map<std::uint64_t, const ShardEvaluation*>& found, std::uint64_t count) {
  std::vector<std::string> names;
  std::uint64_t missing = 0;
  for (std::uint64_t i = 0; i < count && names.size() < kMostNamed; ++i) {
    if (!found.contains(i)) names.push_back(std::to_string(i + 1));
  }
  missing = count - found.size();
  const std::string list = join(names, ", ") + (missing > names.size() ? ", ..." : "");
  return (missing == 1 ? "shard " + list + " of " + std::to_string(count) + " is missing"
                       : "shards " + list + " of " + std::to_string(count) + " are missing") +
         "; give the documents of all shards";
}

}  // namespace

Result<MergedEvaluation> merge(const std::vector<ShardEvaluation>& shards) {
  const ShardEvaluation& first = shards.front();
  MergedEvaluation merged{first.network, first.images, first.available, first.settings, {}, {}};
  std::map<std::uint64_t, const ShardEvaluation*> found;
  for (const ShardEvaluation& shard : shards) {
    if (shard.settings != first.settings || shard.available != first.available || shard.chosen != first.chosen) {
      return wrong(shard.file,
                   "is of another network, of other images or of other options than " + name_text(first.file));
    }
    if (shard.shard.count != first.shard.count) {
      return wrong(shard.file, "is one of " + std::to_string(shard.shard.count) + " shards, and " +
                                   name_text(first.file) + " one of " + std::to_string(first.shard.count));
    }
    const auto [at, is_new] = found.emplace(shard.shard.index, &shard);
    if (!is_new) {
      return wrong(shard.file, "is shard " + std::to_string(shard.shard.index + 1) + ", and so is " +
                                   name_text(at->second->file) + "; give each once");
    }
    if (shard.tally.images != shard.shard.share_of(shard.chosen) || shard.tally.top1 > shard.tally.top5 ||
        shard.tally.top5 > shard.tally.images) {
      return wrong(shard.file, "has numbers that can't be; evaluate this shard again");
    }
    merged.files.push_back(shard.file);
    merged.tally.images += shard.tally.images;
    merged.tally.top1 += shard.tally.top1;
    merged.tally.top5 += shard.tally.top5;
  }
  // A shard without an image has no document.
  const std::uint64_t needed = std::min<std::uint64_t>(first.shard.count, first.chosen);
  if (found.size() != needed) return wrong("--merge", missing_text(found, needed));
  return merged;
}

}  // namespace narrow::cli
