#include "engine/session/cpu_limits.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <limits>

#include "base/arithmetic.h"
#include "narrow/session.h"

namespace narrow::engine {
namespace {

constexpr std::int64_t kMostCpus = 65536;

int cpus_of(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0 || quota > std::numeric_limits<std::int64_t>::max() - period) return 0;
  return static_cast<int>(std::clamp<std::int64_t>(base::ceil_div(quota, period), 1, kMostCpus));
}

// "max 100000" or "<quota> <period>", in microseconds.
int quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::int64_t quota = 0, period = 0;
  return file >> quota >> period ? cpus_of(quota, period) : 0;
}

// A quota of -1 means that there is none.
int quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  std::int64_t quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? cpus_of(quota, period) : 0;
}

// The smallest quota of the groups from `path` up to `root`. Inside a container the path may exist on the host only.
// Then the files of `root` are the container's own.
int smallest(int (*quota_of)(const std::string&), const std::string& root, std::string path) {
  int least = 0;
  while (true) {
    const int found = quota_of(root + path);
    if (found > 0 && (least == 0 || found < least)) least = found;
    if (path.empty()) return least;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

bool lists(const std::string& controllers, const std::string& name) {
  return ("," + controllers + ",").find("," + name + ",") != std::string::npos;
}

}  // namespace

std::vector<unsigned long> affinity_mask() {
  // The kernel refuses a mask that is shorter than its own. No call returns that length, so this tries longer ones.
  for (std::size_t words = 16; words <= static_cast<std::size_t>(kMostCpus) / 64; words *= 2) {
    std::vector<unsigned long> mask(words);
    if (::sched_getaffinity(0, words * sizeof(mask[0]), reinterpret_cast<cpu_set_t*>(mask.data())) == 0) return mask;
    if (errno != EINVAL) break;
  }
  return {};
}

int affinity_cpus() {
  int cpus = 0;
  for (const unsigned long word : affinity_mask()) cpus += std::popcount(word);
  return std::max(cpus, 1);
}

int quota_cpus(const CgroupPlaces& places) {
  int least = 0;
  std::ifstream file(places.membership);
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/" || path.find("..") != std::string::npos) path.clear();
    int found = 0;
    if (controllers.empty()) {
      found = smallest(quota_v2, places.root, path);
    } else if (lists(controllers, "cpu")) {
      found = smallest(quota_v1, places.root + "/cpu", path);
    }
    if (found > 0 && (least == 0 || found < least)) least = found;
  }
  return least;
}

int available_cpus() {
  const int quota = quota_cpus();
  return quota > 0 ? std::min(affinity_cpus(), quota) : affinity_cpus();
}

}  // namespace narrow::engine

namespace narrow {
inline namespace v0 {

int available_threads() { return engine::available_cpus(); }

}  // namespace v0
}  // namespace narrow
