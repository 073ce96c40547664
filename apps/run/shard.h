// One of several parts of the images, so that several processes share them.
#pragma once

#include <cstdint>
#include <string>

#include "apps/options/options.h"
#include "narrow/result.h"

namespace narrow::cli {

// Image k of all images, counted from 0, belongs to shard k mod count.
struct Shard {
  std::uint64_t index = 0;  // from 0; the command line and texts count from 1
  std::uint64_t count = 1;

  [[nodiscard]] bool has(std::uint64_t image) const { return image % count == index; }
  // How many of so many images it has.
  [[nodiscard]] std::uint64_t share_of(std::uint64_t images) const {
    return images / count + (index < images % count ? 1 : 0);
  }
  [[nodiscard]] std::string text() const { return std::to_string(index + 1) + "-of-" + std::to_string(count); }
};

// "I/N" with 1 <= I <= N, or "auto".
[[nodiscard]] Check shard_text();
// Of a text that shard_text() accepted. "auto": of the variables of MPI (OMPI_COMM_WORLD_RANK, PMI_RANK) or Slurm's
// tasks (SLURM_PROCID), times those of Slurm's job arrays (SLURM_ARRAY_TASK_ID). Errors: kInvalidArgument, they are not
// there, or say something that can't be.
[[nodiscard]] Result<Shard> parse_shard(const std::string& text);

}  // namespace narrow::cli
