// Which of a model file's bytes the process still needs in memory.
#pragma once

#include <cstddef>
#include <span>

namespace narrow::engine {

// The memory in which the packed weights of a model lie. Everything here is a hint: the bytes can still be read.
class WeightPages {
 public:
  WeightPages() = default;
  virtual ~WeightPages() = default;
  WeightPages(const WeightPages&) = delete;
  WeightPages& operator=(const WeightPages&) = delete;

  // `bytes` will not be read again. Pages that lie within them entirely stop counting as this process's memory.
  virtual void release(std::span<const std::byte> bytes) const noexcept = 0;
  // No weights will be read again, those on pages that layers share included.
  virtual void release_all() const noexcept = 0;
};

}  // namespace narrow::engine
