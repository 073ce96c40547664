#include "apps/run/shard.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {
namespace {

constexpr std::uint64_t kMostShards = 10'000'000;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > kMostShards) return std::nullopt;
  return value;
}

std::optional<Shard> shard_in(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> index = number_in(text.substr(0, slash));
  const std::optional<std::uint64_t> count = number_in(text.substr(slash + 1));
  if (!index || !count || *index < 1 || *index > *count) return std::nullopt;
  return Shard{*index - 1, *count};
}

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message, "--shard auto"}; }

Result<std::uint64_t> variable(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return wrong(std::string(name) + " is not set; give --shard I/N");
  const std::optional<std::uint64_t> value = number_in(text);
  if (!value) return wrong(std::string(name) + " is no number: '" + name_text(text) + "'; give --shard I/N");
  return *value;
}

// Of variables that count from 0.
Result<Shard> shard_of(const char* index_name, const char* count_name) {
  NARROW_ASSIGN(const std::uint64_t index, variable(index_name));
  NARROW_ASSIGN(const std::uint64_t count, variable(count_name));
  if (index >= count) {
    return wrong(format("%s is %llu, which is not below %s, %llu; give --shard I/N", index_name,
                        static_cast<unsigned long long>(index), count_name, static_cast<unsigned long long>(count)));
  }
  return Shard{index, count};
}

// The process among those that MPI or srun started together. The launcher that is nearest to the process comes first.
Result<Shard> shard_of_process() {
  if (is_set("OMPI_COMM_WORLD_RANK")) return shard_of("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  if (is_set("PMI_RANK")) return shard_of("PMI_RANK", "PMI_SIZE");
  if (!is_set("SLURM_PROCID")) return Shard{};
  if (is_set("SLURM_STEP_NUM_TASKS")) return shard_of("SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
  if (!is_set("SLURM_NTASKS")) return Shard{};
  NARROW_ASSIGN(const Shard shard, shard_of("SLURM_PROCID", "SLURM_NTASKS"));
  // A batch script has the variables of its first task, and runs once for all of them.
  if (shard.count > 1 && !is_set("SLURM_STEP_ID")) {
    return wrong("this job has " + std::to_string(shard.count) +
                 " tasks, but srun did not start this process: start it as 'srun narrow ...'");
  }
  return shard;
}

// The job among those of an array.
Result<Shard> shard_of_array() {
  if (!is_set("SLURM_ARRAY_TASK_ID")) return Shard{};
  NARROW_ASSIGN(const std::uint64_t id, variable("SLURM_ARRAY_TASK_ID"));
  NARROW_ASSIGN(const std::uint64_t count, variable("SLURM_ARRAY_TASK_COUNT"));
  NARROW_ASSIGN(const std::uint64_t first, variable("SLURM_ARRAY_TASK_MIN"));
  std::uint64_t step = 1;
  if (is_set("SLURM_ARRAY_TASK_STEP")) {
    NARROW_ASSIGN(step, variable("SLURM_ARRAY_TASK_STEP"));
  }
  if (step == 0 || count == 0 || id < first || (id - first) % step != 0 || (id - first) / step >= count) {
    return wrong("the tasks of this job array are not evenly spaced; use --array=1-N");
  }
  return Shard{(id - first) / step, count};
}

}  // namespace

Check shard_text() {
  return [](const std::string& text) -> std::string {
    if (text == "auto" || shard_in(text)) return {};
    const bool from_zero = text.starts_with("0/") && number_in(std::string_view(text).substr(2)).value_or(0) > 0;
    return "'" + text + "' is no shard: I/N with I from 1 to N, or auto" +
           (from_zero ? "; the first is 1" + text.substr(1) : "");
  };
}

Result<Shard> parse_shard(const std::string& text) {
  if (text != "auto") return shard_in(text).value_or(Shard{});
  const bool any =
      is_set("OMPI_COMM_WORLD_RANK") || is_set("PMI_RANK") || is_set("SLURM_PROCID") || is_set("SLURM_ARRAY_TASK_ID");
  if (!any) {
    return wrong(is_set("PARALLEL_SEQ") ? "GNU parallel does not tell how many jobs there are; give --shard {#}/N"
                                        : "neither MPI nor Slurm started this process; give --shard I/N");
  }
  NARROW_ASSIGN(const Shard process, shard_of_process());
  NARROW_ASSIGN(const Shard job, shard_of_array());
  return Shard{job.index * process.count + process.index, job.count * process.count};
}

}  // namespace narrow::cli
