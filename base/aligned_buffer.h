// Uninitialised memory that starts at a cache line.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>

#include "narrow/result.h"

namespace narrow::base {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  // Error: kLimit when there is not as much memory; `what` says in a sentence what it is for.
  [[nodiscard]] static Result<AlignedBuffer> allocate(std::size_t bytes, const std::string& what) {
    AlignedBuffer buffer;
    if (bytes == 0) return buffer;
    buffer.data_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}, std::nothrow)));
    if (buffer.data_ == nullptr) {
      return Error{ErrorCode::kLimit, "there is no memory for " + what + ", " + std::to_string(bytes) + " bytes", {}};
    }
    buffer.size_ = bytes;
    return buffer;
  }

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const { ::operator delete (data, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace narrow::base
