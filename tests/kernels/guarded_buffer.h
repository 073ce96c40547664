// Memory whose neighbours can't be touched: a kernel that reads or writes one byte outside dies at once.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <vector>

namespace narrow::testing {

// Where the elements lie within the pages: an overrun is caught at kEnd, an underrun at kBegin.
enum class Against { kBegin, kEnd };

template <class T>
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t elems, Against side = Against::kEnd) : elems_(elems) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t used = (elems * sizeof(T) + page - 1) / page * page;
    mapped_bytes_ = used + 2 * page;
    void* mapped = ::mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(mapped);
    if (used != 0 && ::mprotect(base_ + page, used, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    const std::size_t offset = side == Against::kBegin ? page : page + used - elems * sizeof(T);
    data_ = reinterpret_cast<T*>(base_ + offset);
  }
  GuardedBuffer(const std::vector<T>& values, Against side = Against::kEnd) : GuardedBuffer(values.size(), side) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~GuardedBuffer() { ::munmap(base_, mapped_bytes_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] std::size_t size() const { return elems_; }
  [[nodiscard]] std::vector<T> copy() const { return {data_, data_ + elems_}; }

 private:
  std::size_t elems_ = 0;
  std::size_t mapped_bytes_ = 0;
  std::byte* base_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace narrow::testing
