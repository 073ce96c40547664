#include "graph/bit_packing.h"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "graph/packed_weights.h"
#include "tests/support/data.h"

using narrow::QRange;
using narrow::graph::is_packed;
using narrow::graph::pack_bits;
using narrow::graph::packed_size;
using narrow::graph::unpack_bits;

namespace {

std::vector<std::byte> pack(const std::vector<std::int8_t>& values, const QRange& range) {
  std::vector<std::byte> packed(packed_size(values.size(), narrow::bits_for(range)).value());
  pack_bits(values, range, packed);
  return packed;
}

}  // namespace

TEST_CASE("every value of every number of bits survives packing at every count") {
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
      CHECK(is_packed(packed, range, count));
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

TEST_CASE("a value out of range is found wherever it is, packed or while unpacking") {
  // Blocks, groups and vectors begin and end around these places.
  constexpr std::size_t kCount = 3 * 4096 + 21;
  for (int bits = 2; bits <= 8; ++bits) {
    const QRange narrow_range = QRange::weights(bits);  // without the lowest value of the width
    const QRange whole{narrow_range.lo - 1, narrow_range.hi};
    for (const std::size_t at : {0UL, 1UL, 7UL, 8UL, 15UL, 4095UL, 4096UL, 8191UL, 12288UL, kCount - 2, kCount - 1}) {
      std::vector<std::int8_t> values(kCount, 1);
      values[at] = static_cast<std::int8_t>(whole.lo);
      const std::vector<std::byte> packed = pack(values, whole);
      std::vector<std::int8_t> back(kCount);
      CHECK(is_packed(packed, whole, kCount));
      CHECK(unpack_bits(packed, whole, back));
      CHECK(back == values);
      CHECK_FALSE(is_packed(packed, narrow_range, kCount));
      CHECK_FALSE(unpack_bits(packed, narrow_range, back));
    }
  }
}

TEST_CASE("of each range exactly the integers in it are taken, at each place") {
  constexpr std::size_t kCount = 35;  // fills no vector, and with fewer than 8 bits no byte
  for (const int bits : {1, 2, 3, 4, 8}) {
    for (const bool is_signed : {false, true}) {
      if (bits == 8 && !is_signed) continue;  // beyond int8
      const int least = is_signed ? -(1 << (bits - 1)) : 0;
      const QRange whole{least, least + (1 << bits) - 1};
      for (int lo = whole.lo; lo <= whole.hi; lo += bits == 8 ? 51 : 1) {
        for (int hi = lo; hi <= whole.hi; hi += bits == 8 ? 51 : 1) {
          const QRange range{lo, hi};
          // A narrower one has fewer bits, or is unsigned.
          if (narrow::bits_for(range) != bits || (lo < 0) != is_signed) continue;
          for (int value = whole.lo; value <= whole.hi; ++value) {
            for (std::size_t at = 0; at < kCount; at += bits == 8 ? 17 : 1) {
              std::vector<std::int8_t> values(kCount, static_cast<std::int8_t>(hi));
              values[at] = static_cast<std::int8_t>(value);
              CAPTURE(lo);
              CAPTURE(hi);
              CAPTURE(value);
              CAPTURE(at);
              const std::vector<std::byte> packed = pack(values, whole);
              REQUIRE(is_packed(packed, range, kCount) == range.contains(value));
              REQUIRE(unpack_bits(packed, range, values) == range.contains(value));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("packed weights: what was checked comes back, from bytes where they are, and nothing else is taken") {
  using narrow::graph::PackedWeights;
  const auto owner = std::make_shared<const int>();
  for (const QRange range : {QRange{-128, 127}, QRange{-7, 7}, QRange{0, 3}}) {
    const std::vector<std::int8_t> values = {0, 3, 2, 1, 0, 0, 3};
    const std::vector<std::byte> packed = pack(values, range);
    const auto weights = PackedWeights::check(packed, values.size(), range, owner);
    REQUIRE(weights.has_value());
    CHECK(weights->size() == values.size());
    CHECK(weights->range() == range);
    std::vector<std::int8_t> buffer;
    const auto view = weights->view(buffer);
    CHECK(std::vector<std::int8_t>(view.begin(), view.end()) == values);
    CHECK(buffer.empty() == (narrow::bits_for(range) == 8));
    CHECK_FALSE(PackedWeights::check(packed, values.size() + 8, range, owner).has_value());
    CHECK_FALSE(PackedWeights::check(std::span(packed).first(1), values.size(), range, owner).has_value());
    CHECK_FALSE(PackedWeights::check(packed, std::numeric_limits<std::size_t>::max(), range, owner).has_value());
  }
}
