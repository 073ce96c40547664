// How many threads of this process can make progress at the same time.
#pragma once

#include <string>
#include <vector>

namespace narrow::engine {

// The CPUs that the calling thread may run on, a bit each; threads that it starts inherit them. Empty: unknown.
[[nodiscard]] std::vector<unsigned long> affinity_mask();
// Their number. At least 1.
[[nodiscard]] int affinity_cpus();

// Where control groups are found; tests put folders of their own there.
struct CgroupPlaces {
  std::string membership = "/proc/self/cgroup";
  std::string root = "/sys/fs/cgroup";
};
// CPUs that the quota of the process's control groups is worth, rounded up; the smallest of the group and those that it
// is in, of version 2 and 1. 0: there is no quota, or none that can be read.
[[nodiscard]] int quota_cpus(const CgroupPlaces& places = {});

// The smaller of both. At least 1.
[[nodiscard]] int available_cpus();

}  // namespace narrow::engine
