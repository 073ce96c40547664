#include "base/large_pages.h"

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace narrow::base {

void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t kPage = 2 << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + kPage - 1) / kPage * kPage;
  const std::uintptr_t last = (begin + bytes) / kPage * kPage;
  if (first >= last) return;
  // A refusal, by a kernel without large pages for one, costs speed only.
  static_cast<void>(::madvise(static_cast<std::byte*>(memory) + (first - begin), last - first, MADV_HUGEPAGE));
#endif
}

}  // namespace narrow::base
