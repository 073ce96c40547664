#include "engine/bit_packing.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

#include "tests/support/data.h"

using narrow::QRange;
using narrow::engine::pack_bits;
using narrow::engine::packed_size;
using narrow::engine::unpack_bits;

namespace {

std::vector<std::byte> pack(const std::vector<std::int8_t>& values, const QRange& range) {
  std::vector<std::byte> packed(packed_size(values.size(), narrow::bits_for(range)).value());
  pack_bits(values, range, packed);
  return packed;
}

}  // namespace

TEST_CASE("every value of every width survives packing at every count") {
  std::mt19937 random(narrow::testing::seed());
  std::vector<QRange> ranges;
  for (int bits = 2; bits <= 8; ++bits) {
    ranges.push_back(QRange::weights(bits));
    ranges.push_back({-(1 << (bits - 1)), (1 << (bits - 1)) - 1});
    ranges.push_back({0, (1 << (bits - 1)) - 1});
  }
  ranges.push_back({0, 0});
  ranges.push_back({-1, 0});
  ranges.push_back({3, 5});
  ranges.push_back({-128, -100});
  for (const QRange& range : ranges) {
    for (std::size_t count = 0; count <= 40; ++count) {
      std::vector<std::int8_t> values(count);
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = static_cast<std::int8_t>(i == 0   ? range.lo
                                             : i == 1 ? range.hi
                                                      : std::uniform_int_distribution<int>(range.lo, range.hi)(random));
      }
      const std::vector<std::byte> packed = pack(values, range);
      CHECK(packed.size() == (count * static_cast<std::size_t>(narrow::bits_for(range)) + 7) / 8);
      std::vector<std::int8_t> back(count, 99);
      CHECK(unpack_bits(packed, range, back));
      CHECK(back == values);
    }
  }
}

TEST_CASE("the layout is a little-endian bit stream") {
  // 3 bits each, first value lowest: 1, -1, -4, 3 are 001, 111, 100, 011 and make 011 100 111 001.
  const std::vector<std::byte> packed = pack({1, -1, -4, 3}, {-4, 3});
  REQUIRE(packed.size() == 2);
  CHECK(packed[0] == std::byte{0b00'111'001});
  CHECK(packed[1] == std::byte{0b0000'011'1});
}

TEST_CASE("values outside of the range and bits after the end are found") {
  const QRange two_bits = QRange::weights(2);
  std::vector<std::int8_t> values(3);
  CHECK(unpack_bits(std::vector<std::byte>{std::byte{0b00'01'11'00}}, two_bits, values));
  CHECK(values == std::vector<std::int8_t>{0, -1, 1});
  // -2 fits into two bits but not into the range.
  CHECK_FALSE(unpack_bits(std::vector<std::byte>{std::byte{0b00'01'10'00}}, two_bits, values));
  CHECK_FALSE(unpack_bits(std::vector<std::byte>{std::byte{0b01'01'11'00}}, two_bits, values));
}

TEST_CASE("a size beyond what can be counted is no size") {
  CHECK(packed_size(0, 8) == 0);
  CHECK(packed_size(3, 3) == 2);
  CHECK_FALSE(packed_size(std::numeric_limits<std::size_t>::max(), 2).has_value());
}
