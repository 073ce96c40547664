// Every ISA looks up what the table says.
#include "kernels/lookup.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <vector>

#include "tests/kernels/compare.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"
#include "tests/support/random.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;
using narrow::testing::Against;
using narrow::testing::difference;
using narrow::testing::GuardedBuffer;
using narrow::testing::random_bytes;
using narrow::testing::runnable_isas;

using Bytes = std::vector<std::uint8_t>;

Bytes lookup(Isa isa, const Bytes& input, const Bytes& table, Against side) {
  GuardedBuffer<std::uint8_t> x(input, side);
  GuardedBuffer<std::uint8_t> y(input.size(), side);
  GuardedBuffer<std::uint8_t> entries(table, side);
  lookup_kernels(isa).lookup({x.data(), y.data(), static_cast<std::int64_t>(input.size()), entries.data()});
  return y.copy();
}

Bytes looked_up(const Bytes& input, const Bytes& table, std::int64_t channels) {
  Bytes result;
  for (std::size_t i = 0; i < input.size(); ++i) {
    result.push_back(table[i % static_cast<std::size_t>(channels) * 256 + input[i]]);
  }
  return result;
}

}  // namespace

TEST_CASE("every byte is looked up at every place of a vector") {
  std::mt19937 random(narrow::testing::seed());
  Bytes identity(256);
  std::iota(identity.begin(), identity.end(), std::uint8_t{0});
  const Bytes reversed(identity.rbegin(), identity.rend());
  for (const Bytes& table : {identity, reversed, Bytes(256, 0), Bytes(256, 255), random_bytes(random, 256)}) {
    for (int shift = 0; shift < 32; ++shift) {
      Bytes input(static_cast<std::size_t>(shift), 7);
      for (int i = 0; i < 256; ++i) input.push_back(static_cast<std::uint8_t>(i));
      for (const Isa isa : runnable_isas()) {
        CAPTURE(isa_name(isa));
        CAPTURE(shift);
        REQUIRE(difference(looked_up(input, table, 1), lookup(isa, input, table, Against::kEnd)) == "");
      }
    }
  }
}

TEST_CASE("lookup stays within the tensor at every length") {
  std::mt19937 random(narrow::testing::seed());
  for (std::int64_t count = 0; count <= 200; ++count) {
    const Bytes input = random_bytes(random, count);
    const Bytes table = random_bytes(random, 256);
    const Bytes expected = looked_up(input, table, 1);
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      REQUIRE(difference(expected, lookup(isa, input, table, Against::kBegin)) == "");
      REQUIRE(difference(expected, lookup(isa, input, table, Against::kEnd)) == "");
      GuardedBuffer<std::uint8_t> x(input);
      lookup_kernels(isa).lookup({x.data(), x.data(), count, table.data()});
      REQUIRE(difference(expected, x.copy()) == "");
    }
  }
}

TEST_CASE("every channel is looked up in its own table") {
  std::mt19937 random(narrow::testing::seed());
  for (std::int64_t channels = 1; channels <= 70; ++channels) {
    const std::int64_t rows = random() % 5;
    const Bytes input = random_bytes(random, rows * channels);
    const Bytes table = random_bytes(random, channels * 256);
    const Bytes expected = looked_up(input, table, channels);
    for (const Isa isa : runnable_isas()) {
      for (const Against side : {Against::kBegin, Against::kEnd}) {
        CAPTURE(isa_name(isa));
        CAPTURE(channels);
        CAPTURE(rows);
        GuardedBuffer<std::uint8_t> x(input, side);
        GuardedBuffer<std::uint8_t> y(input.size(), side);
        GuardedBuffer<std::uint8_t> entries(table, side);
        lookup_kernels(isa).channel_lookup({x.data(), y.data(), rows, channels, entries.data()});
        REQUIRE(difference(expected, y.copy()) == "");
        lookup_kernels(isa).channel_lookup({x.data(), x.data(), rows, channels, entries.data()});
        REQUIRE(difference(expected, x.copy()) == "");
      }
    }
  }
}
