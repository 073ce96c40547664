#include "tests/support/allocations/allocations.h"

#include <dlfcn.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>
#include <string_view>

namespace {

std::atomic<long> count{0};
std::atomic<long> bytes_in_use{0};
std::atomic<long> largest{0};
// The allocations from `first_to_fail` on fail, up to and without `end_of_failing`.
std::atomic<long> first_to_fail{std::numeric_limits<long>::max()};
std::atomic<long> end_of_failing{std::numeric_limits<long>::max()};
std::atomic<long> failures{0};
std::atomic<bool> spares_onednn{false};

// Whether code of oneDNN asks, perhaps through the C++ library.
bool is_in_onednn(const void* caller) {
  Dl_info info{};
  if (dladdr(caller, &info) == 0 || info.dli_fname == nullptr) return false;
  const std::string_view file(info.dli_fname);
  return file.find("dnnl") != std::string_view::npos || file.find("libstdc++") != std::string_view::npos;
}

void* allocate(std::size_t bytes, std::size_t alignment, const void* caller) {
  const long number = count++;
  const auto wanted = static_cast<long>(bytes);
  for (long seen = largest; wanted > seen && !largest.compare_exchange_weak(seen, wanted);) {
  }
  if (number >= first_to_fail && number < end_of_failing && !(spares_onednn && is_in_onednn(caller))) {
    ++failures;
    return nullptr;
  }
  // aligned_alloc wants a multiple of the alignment.
  void* const memory = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  bytes_in_use += static_cast<long>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) {
  bytes_in_use -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment, const void* caller) {
  if (void* memory = allocate(bytes, alignment, caller)) return memory;
  throw std::bad_alloc();
}

constexpr std::size_t kDefault = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes, kDefault, __builtin_return_address(0)); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes, kDefault, __builtin_return_address(0)); }
void* operator new(std::size_t bytes, std::align_val_t align) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(align), __builtin_return_address(0));
}
void* operator new[](std::size_t bytes, std::align_val_t align) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(align), __builtin_return_address(0));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, kDefault, __builtin_return_address(0));
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, kDefault, __builtin_return_address(0));
}
void* operator new(std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(align), __builtin_return_address(0));
}
void* operator new[](std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(align), __builtin_return_address(0));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }

// Sanitizers end the process where the system would only refuse; tests ask for more memory than there is.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace narrow::testing {

long allocations() { return count; }

long allocated_bytes() { return bytes_in_use; }

LargestAllocation::LargestAllocation() { largest = 0; }

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): it is of the time since the object exists
long LargestAllocation::bytes() const { return largest; }

FailingAllocations::FailingAllocations(long skipped, bool for_ever, bool spare_onednn) {
  spares_onednn = spare_onednn;
  failures = 0;
  const long first = count + skipped;
  end_of_failing = for_ever ? std::numeric_limits<long>::max() : first + 1;
  first_to_fail = first;
}

FailingAllocations::~FailingAllocations() { first_to_fail = std::numeric_limits<long>::max(); }

long FailingAllocations::failed() const { return failures; }

}  // namespace narrow::testing
