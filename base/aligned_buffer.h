// Uninitialised memory that starts at a cache line, in large pages where it is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "base/large_pages.h"
#include "base/text.h"
#include "narrow/allocator.h"
#include "narrow/result.h"

namespace narrow::base {

inline constexpr std::size_t kBufferAlignment = 64;

struct FreeAligned {
  Allocator allocator;
  std::size_t bytes = 0;
  void operator()(std::byte* data) const {
    if (allocator.deallocate == nullptr) {
      ::operator delete (data, std::align_val_t{kBufferAlignment});
    } else {
      allocator.deallocate(allocator.context, data, bytes, kBufferAlignment);
    }
  }
};

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = kBufferAlignment;

  AlignedBuffer() = default;
  // allocator: the caller's, without functions operator new. Errors: kLimit when there is not as much memory; `what`
  // says in a sentence what it is for. kInvalidArgument: the allocator is wrong.
  [[nodiscard]] static Result<AlignedBuffer> allocate(std::size_t bytes, Pieces what, const Allocator& allocator = {}) {
    if ((allocator.allocate == nullptr) != (allocator.deallocate == nullptr)) {
      return Error{ErrorCode::kInvalidArgument, "has one function of two; set both or none", "allocator"};
    }
    AlignedBuffer buffer;
    if (bytes == 0) return buffer;
    void* const memory = allocator.allocate == nullptr
                             ? ::operator new (bytes, std::align_val_t{kAlignment}, std::nothrow)
                             : allocator.allocate(allocator.context, bytes, kAlignment);
    if (memory == nullptr) {
      return Error{ErrorCode::kLimit, joined({"there is no memory for ", joined(what), ", ", bytes, " bytes"}), {}};
    }
    if (allocator.allocate == nullptr) prefer_large_pages(memory, bytes);
    buffer.data_ = {static_cast<std::byte*>(memory), FreeAligned{allocator, bytes}};
    if (reinterpret_cast<std::uintptr_t>(memory) % kAlignment != 0) {
      return Error{ErrorCode::kInvalidArgument, joined({"returned an address that is no multiple of ", kAlignment}),
                   "allocator"};
    }
    return buffer;
  }

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return data_ == nullptr ? 0 : data_.get_deleter().bytes; }

 private:
  std::unique_ptr<std::byte, FreeAligned> data_;
};

}  // namespace narrow::base
