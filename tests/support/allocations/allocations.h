// Counts every operator new of a test's binary, and makes some fail.
#pragma once

namespace narrow::testing {

// Of all threads, since the process began.
[[nodiscard]] long allocations();

// What operator new gave and operator delete did not take back yet, of all threads, with the allocator's rounding.
[[nodiscard]] long allocated_bytes();

// The most bytes that one operator new was asked for since the object exists; 0: there was none. Only one may exist at
// a time.
class LargestAllocation {
 public:
  LargestAllocation();
  [[nodiscard]] long bytes() const;
};

// While it exists, operator new fails: once, or from then on for ever. skipped: number of allocations that still
// succeed. Only one may exist at a time, and nothing may be checked meanwhile, because checks allocate. spare_onednn:
// what oneDNN asks for succeeds; where it does not, oneDNN ends the process.
class FailingAllocations {
 public:
  FailingAllocations(long skipped, bool for_ever, bool spare_onednn = false);
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;

  // How many failed so far.
  [[nodiscard]] long failed() const;
};

}  // namespace narrow::testing
