// CPU affinity of the thread that runs a test.
#pragma once

#include <sched.h>

namespace narrow::testing {

// Binds the calling thread to the first of its CPUs until the object is destroyed.
class BoundToOneCpu {
 public:
  BoundToOneCpu() {
    if (::sched_getaffinity(0, sizeof(all_), &all_) != 0) return;
    int cpu = 0;
    while (!CPU_ISSET(cpu, &all_)) ++cpu;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    bound_ = ::sched_setaffinity(0, sizeof(one), &one) == 0;
  }
  ~BoundToOneCpu() {
    if (bound_) ::sched_setaffinity(0, sizeof(all_), &all_);
  }
  BoundToOneCpu(const BoundToOneCpu&) = delete;
  BoundToOneCpu& operator=(const BoundToOneCpu&) = delete;

  // Whether the thread may now use fewer CPUs than before.
  [[nodiscard]] bool takes_cpus_away() const { return bound_ && CPU_COUNT(&all_) > 1; }

 private:
  cpu_set_t all_{};
  bool bound_ = false;
};

}  // namespace narrow::testing
