#include "engine/nrw/crc32.h"

#include <doctest/doctest.h>

#include <random>
#include <span>
#include <vector>

#include "kernels/cpu_features.h"
#include "tests/support/data.h"

namespace {

using narrow::engine::crc32;
using narrow::engine::Crc32;
using narrow::engine::crc32_by_folding;
using narrow::engine::crc32_by_folding_256;
using narrow::engine::crc32_by_folding_512;
using narrow::engine::crc32_by_table;
using narrow::engine::crc32_for;

// All functions that this CPU runs, the one that it chooses included.
std::vector<Crc32> runnable() {
  std::vector<Crc32> all = {crc32};
  for (const int bits : {128, 256, 512}) {
    if (bits <= narrow::kernels::carryless_bits()) {
      all.push_back(crc32_for(bits));
    } else {
      MESSAGE("this CPU has no carry-less products of " << bits << " bits");
    }
  }
  return all;
}

TEST_CASE("crc32 is the one of zip and continues across parts") {
  const char* text = "123456789";
  const auto bytes = std::as_bytes(std::span(text, 9));
  CHECK(crc32(bytes) == 0xCBF43926U);
  CHECK(crc32({}) == 0);
  for (std::size_t cut = 0; cut <= 9; ++cut) CHECK(crc32(bytes.subspan(cut), crc32(bytes.first(cut))) == 0xCBF43926U);
}

TEST_CASE("each CPU gets the widest function that it runs, and one without carry-less products the table") {
  CHECK((crc32_for(0) == crc32_by_table));
  CHECK((crc32_for(128) == crc32_by_folding));
  CHECK((crc32_for(256) == crc32_by_folding_256));
  CHECK((crc32_for(512) == crc32_by_folding_512));
}

TEST_CASE("crc32 by folding equals the table at every length and alignment and from every part before") {
  constexpr std::size_t kLengths = 1100;  // more than twice the longest stride, 256 bytes, and its remainders
  const std::vector<Crc32> functions = runnable();
  std::mt19937 random(narrow::testing::seed());
  std::vector<std::byte> data(kLengths + 65);
  for (const int fill : {0x00, 0xFF, -1}) {
    for (std::byte& byte : data) byte = static_cast<std::byte>(fill < 0 ? random() : static_cast<unsigned>(fill));
    const std::span<const std::byte> bytes(data);
    for (std::size_t offset = 0; offset < 65; offset += offset < 17 ? 1 : 12) {
      std::uint32_t before = 0;
      for (std::size_t length = 0; length <= kLengths; ++length) {
        const std::uint32_t expected = crc32_by_table(bytes.subspan(offset, length), before);
        for (const Crc32 function : functions) REQUIRE(function(bytes.subspan(offset, length), before) == expected);
        before = expected ^ (length % 3 == 0 ? 0 : ~0U);
      }
    }
  }
  std::vector<std::byte> large(1 << 20);
  for (std::byte& byte : large) byte = static_cast<std::byte>(random());
  for (const Crc32 function : functions) CHECK(function(large, 0) == crc32_by_table(large));
}

}  // namespace
