// The number of threads of this process that can make progress at the same time.
#pragma once

#include <string>
#include <vector>

namespace narrow::engine {

// The CPUs that the calling thread may run on, one bit per CPU. Threads that it starts inherit them. Empty: unknown.
[[nodiscard]] std::vector<unsigned long> affinity_mask();
// The number of CPUs in affinity_mask(), at least 1.
[[nodiscard]] int affinity_cpus();

// Folders of the control groups. Tests use folders of their own.
struct CgroupPlaces {
  std::string membership = "/proc/self/cgroup";
  std::string root = "/sys/fs/cgroup";
};
// The number of CPUs that the quota of the process's control group allows, rounded up. Quotas of versions 2 and 1
// count, and so do those of the groups that contain it; the smallest decides. 0: there is no quota, or none that can be
// read.
[[nodiscard]] int quota_cpus(const CgroupPlaces& places = {});

// The smaller of affinity and quota, at least 1.
[[nodiscard]] int available_cpus();

}  // namespace narrow::engine
