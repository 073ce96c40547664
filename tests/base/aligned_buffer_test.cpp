// Memory that starts at a cache line, and the pages that large memory asks for.
#include "base/aligned_buffer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <new>
#include <sstream>
#include <string>

#include "tests/support/data.h"

namespace narrow::base {
namespace {

// More than an allocator keeps for later, so that each has a mapping of its own.
constexpr std::size_t kLarge = std::size_t{64} << 20;

// Whether the mapping that holds `address` is marked for large pages.
bool asks_for_large_pages(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream head(line);
    if (head >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= at && at < end;
    if (inside && line.rfind("VmFlags:", 0) == 0) return (line + ' ').find(" hg ") != std::string::npos;
  }
  return false;
}

TEST_CASE("aligned buffer: of no bytes it is empty, and of more than there are it is an error with what it is for") {
  CHECK(AlignedBuffer::allocate(0, {"nothing"}).value().data() == nullptr);
  const auto refused = AlignedBuffer::allocate(std::numeric_limits<std::size_t>::max() / 2, {"a test"});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(refused.error().message.find("a test") != std::string::npos);
}

TEST_CASE("aligned buffer: all its bytes can be written, small or large") {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{4095}, std::size_t{2} << 20, (std::size_t{9} << 20) + 1}) {
    const AlignedBuffer buffer = AlignedBuffer::allocate(bytes, {"a test"}).value();
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % AlignedBuffer::kAlignment == 0);
    CHECK(buffer.size() == bytes);
    std::memset(buffer.data(), 0x5A, bytes);
    CHECK(buffer.data()[bytes - 1] == std::byte{0x5A});
  }
}

TEST_CASE("aligned buffer: large memory asks for large pages, where the system has them") {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage/enabled")) {
    NARROW_SKIP("this system has no transparent large pages");
  }
  const AlignedBuffer large = AlignedBuffer::allocate(kLarge, {"a test"}).value();
  CHECK(asks_for_large_pages(large.data() + kLarge / 2));
}

TEST_CASE("aligned buffer: memory of the caller's allocator is left as it is, and goes back to it") {
  struct Calls {
    int given = 0, taken = 0;
  } calls;
  const Allocator allocator{[](void* context, std::size_t bytes, std::size_t alignment) -> void* {
                              ++static_cast<Calls*>(context)->given;
                              return ::operator new (bytes, std::align_val_t{alignment}, std::nothrow);
                            },
                            [](void* context, void* memory, std::size_t /*bytes*/, std::size_t alignment) {
                              ++static_cast<Calls*>(context)->taken;
                              ::operator delete (memory, std::align_val_t{alignment});
                            },
                            &calls};
  {
    const AlignedBuffer buffer = AlignedBuffer::allocate(kLarge, {"a test"}, allocator).value();
    CHECK_FALSE(asks_for_large_pages(buffer.data() + kLarge / 2));
  }
  CHECK(calls.given == 1);
  CHECK(calls.taken == 1);
}

}  // namespace
}  // namespace narrow::base
