// Where large memory comes from.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <cstddef>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// The caller's source of large memory, in place of operator new: LoadOptions::allocator for what a model keeps,
// SessionOptions::allocator for tensors, workspaces and packed weights. Small things (names, steps, tables, options)
// and the helper threads still use operator new. Set both functions or none.
//
// They are called by the thread that is in load(), parse(), create(), clone() or in the first classify() of a frame,
// and by the one that destroys the last session or the last copy of a model; never by a helper thread and never during
// Session::run. Several threads may be in them at the same time if the caller's threads are. What `context` points to
// must outlive everything that was allocated. Neither function may throw or call Narrow.
struct Allocator {
  // Returns memory of `bytes` bytes, at least 1, whose address is a multiple of `alignment`, a power of two, at most
  // 4096; or nullptr if there is none, which the caller of Narrow gets as the error kLimit. Other addresses are the
  // error kInvalidArgument.
  void* (*allocate)(void* context, std::size_t bytes, std::size_t alignment) = nullptr;
  // Takes back what allocate returned, with the same numbers.
  void (*deallocate)(void* context, void* memory, std::size_t bytes, std::size_t alignment) = nullptr;
  void* context = nullptr;
  friend bool operator==(const Allocator&, const Allocator&) = default;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
