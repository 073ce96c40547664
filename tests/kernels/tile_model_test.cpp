// The model that convolution_amx_test.cpp trusts, against what Intel's manual says of the instructions.
#include "tests/support/tiles/tile_model.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/data.h"
#include "tests/support/random.h"

namespace {

using narrow::testing::random_below;
using narrow::testing::random_bytes;
using narrow::testing::TileFault;
using narrow::testing::TileModel;

struct Shape {
  int rows, row_bytes;
};

// The 64 bytes of ldtilecfg, for tiles 0, 1, ...
std::array<std::uint8_t, 64> configuration(const std::vector<Shape>& shapes) {
  std::array<std::uint8_t, 64> bytes{1};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    bytes[16 + 2 * i] = static_cast<std::uint8_t>(shapes[i].row_bytes);
    bytes[48 + i] = static_cast<std::uint8_t>(shapes[i].rows);
  }
  return bytes;
}

TileModel configured(const std::vector<Shape>& shapes) {
  TileModel model;
  model.ldtilecfg(configuration(shapes).data());
  return model;
}

std::vector<std::int32_t> stored(const TileModel& model, int tile, const Shape& shape) {
  const int columns = shape.row_bytes / 4;
  std::vector<std::int32_t> values(static_cast<std::size_t>(shape.rows * columns));
  model.tilestored(tile, values.data(), shape.row_bytes);
  return values;
}

TEST_CASE("tile model: a configuration that a CPU refuses is a fault and leaves the old one") {
  TileModel model = configured({{2, 8}});
  const std::vector<std::uint8_t> ones(16, 1);
  model.tileloadd(0, ones.data(), 8);
  const auto refuses = [&](int at, int value) {
    auto bytes = configuration({{2, 8}});
    bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
    CHECK_THROWS_AS(model.ldtilecfg(bytes.data()), TileFault);
    CHECK(model.configured());
    CHECK(model.byte(0, 1, 7) == 1);
  };
  refuses(0, 2);    // palette
  refuses(1, 1);    // first row
  refuses(2, 1);    // reserved
  refuses(15, 1);   // reserved
  refuses(16, 65);  // bytes of a row
  refuses(17, 1);   // the same, 264
  refuses(48, 17);  // rows
  refuses(48, 0);   // bytes without rows
  refuses(16, 0);   // rows without bytes
  refuses(49, 1);   // rows without bytes
  refuses(18, 4);   // bytes without rows
  refuses(32, 4);   // a ninth tile
  refuses(56, 1);
  refuses(63, 1);
}

TEST_CASE("tile model: a configuration clears the tiles and palette 0 and a release end it") {
  TileModel model;
  CHECK_FALSE(model.configured());
  const std::vector<std::uint8_t> ones(1024, 1);
  for (const bool release : {false, true}) {
    model.ldtilecfg(configuration({{16, 64}}).data());
    model.tileloadd(0, ones.data(), 64);
    CHECK(model.byte(0, 15, 63) == 1);
    model.ldtilecfg(configuration({{16, 64}}).data());
    CHECK(model.byte(0, 15, 63) == 0);
    model.tileloadd(0, ones.data(), 64);
    if (release) {
      model.tilerelease();
    } else {
      model.ldtilecfg(std::array<std::uint8_t, 64>{}.data());
    }
    CHECK_FALSE(model.configured());
    CHECK(model.byte(0, 0, 0) == 0);
    CHECK_THROWS_AS(model.tilezero(0), TileFault);
  }
}

TEST_CASE("tile model: a tile that is not there or has no shape is a fault") {
  TileModel model;
  std::array<std::uint8_t, 1024> memory{};
  const auto refuses = [&](int tile) {
    CHECK_THROWS_AS(model.tilezero(tile), TileFault);
    CHECK_THROWS_AS(model.tileloadd(tile, memory.data(), 64), TileFault);
    CHECK_THROWS_AS(model.tilestored(tile, memory.data(), 64), TileFault);
  };
  refuses(0);
  model.ldtilecfg(configuration({{16, 64}, {0, 0}, {16, 64}, {16, 64}}).data());
  for (const int tile : {-1, 1, 4, 7, 8}) {
    refuses(tile);
    CHECK_THROWS_AS(model.tdpbusd(tile, 2, 3), TileFault);
    CHECK_THROWS_AS(model.tdpbusd(2, tile, 3), TileFault);
    CHECK_THROWS_AS(model.tdpbusd(2, 3, tile), TileFault);
  }
}

TEST_CASE("tile model: loads and stores move the rows of the shape and clear the rest") {
  std::mt19937 random(narrow::testing::seed());
  const std::vector<std::uint8_t> memory = random_bytes(random, 16 * 80);
  TileModel model = configured({{3, 10}});
  const std::vector<std::uint8_t> wide = random_bytes(random, 1024);
  model.tileloadd(0, memory.data(), 80);
  for (int row = 0; row < 16; ++row) {
    for (int at = 0; at < 64; ++at) {
      CHECK(model.byte(0, row, at) == (row < 3 && at < 10 ? memory[static_cast<std::size_t>(80 * row + at)] : 0));
    }
  }
  std::vector<std::uint8_t> to(100, 0xA5);
  model.tilestored(0, to.data(), 20);
  for (std::size_t i = 0; i < to.size(); ++i) {
    CHECK(to[i] == (i < 60 && i % 20 < 10 ? memory[i / 20 * 80 + i % 20] : 0xA5));
  }
  model.tileloadd(0, memory.data() + 80, 0);  // the same row everywhere
  for (int row = 0; row < 3; ++row) CHECK(model.byte(0, row, 9) == memory[89]);
  model.tileloadd(0, memory.data() + 160, -80);
  for (int row = 0; row < 3; ++row) CHECK(model.byte(0, row, 0) == memory[static_cast<std::size_t>(160 - 80 * row)]);
  model.tilezero(0);
  CHECK(model.byte(0, 0, 0) == 0);
}

TEST_CASE("tile model: operands whose shapes do not fit are a fault") {
  const auto refuses = [](const Shape& sums, const Shape& left, const Shape& right) {
    TileModel model = configured({sums, left, right});
    CHECK_THROWS_AS(model.tdpbusd(0, 1, 2), TileFault);
    CHECK(model.products() == 0);
  };
  configured({{3, 20}, {3, 8}, {2, 20}}).tdpbusd(0, 1, 2);
  refuses({4, 20}, {3, 8}, {2, 20});   // rows of the sums
  refuses({3, 16}, {3, 8}, {2, 20});   // columns of the sums
  refuses({3, 20}, {3, 12}, {2, 20});  // depth
  refuses({3, 20}, {3, 8}, {3, 20});
  refuses({3, 18}, {3, 8}, {2, 18});  // not whole int32
  refuses({3, 20}, {3, 9}, {2, 20});
  TileModel model = configured({{16, 64}, {16, 64}, {16, 64}});
  CHECK_THROWS_AS(model.tdpbusd(0, 0, 1), TileFault);
  CHECK_THROWS_AS(model.tdpbusd(0, 1, 0), TileFault);
  CHECK_THROWS_AS(model.tdpbusd(0, 1, 1), TileFault);
}

TEST_CASE("tile model: left bytes are unsigned and right bytes signed and sums wrap") {
  TileModel model = configured({{1, 4}, {1, 4}, {1, 4}});
  const auto sum = [&](std::int32_t from, std::array<std::uint8_t, 4> x, std::array<std::int8_t, 4> w) {
    model.tileloadd(0, &from, 4);
    model.tileloadd(1, x.data(), 4);
    model.tileloadd(2, w.data(), 4);
    model.tdpbusd(0, 1, 2);
    return stored(model, 0, {1, 4})[0];
  };
  CHECK(sum(0, {255, 255, 255, 255}, {-128, -128, -128, -128}) == -130560);
  CHECK(sum(0, {255, 255, 255, 255}, {127, 127, 127, 127}) == 129540);
  CHECK(sum(7, {1, 2, 128, 200}, {1, -1, 2, -2}) == 7 + 1 - 2 + 256 - 400);
  CHECK(sum(0x7fffffff, {1, 0, 0, 0}, {1, 0, 0, 0}) == -0x7fffffff - 1);
  CHECK(sum(-0x7fffffff - 1, {0, 0, 0, 1}, {0, 0, 0, -1}) == 0x7fffffff);
  CHECK(model.products() == 5);
}

TEST_CASE("tile model: products of random shapes are those of matrices") {
  std::mt19937 random(narrow::testing::seed() + 1);
  for (int round = 0; round < 60; ++round) {
    const int rows = 1 + random_below(random, 16);
    const int columns = 1 + random_below(random, 16);
    const int depth = 1 + random_below(random, 16);
    TileModel model = configured({{rows, 4 * columns}, {rows, 4 * depth}, {depth, 4 * columns}});
    const std::vector<std::uint8_t> start = random_bytes(random, rows * columns * 4);
    const std::vector<std::uint8_t> x = random_bytes(random, rows * depth * 4);
    const std::vector<std::uint8_t> w = random_bytes(random, depth * columns * 4);
    model.tileloadd(0, start.data(), 4 * columns);
    model.tileloadd(1, x.data(), 4 * depth);
    model.tileloadd(2, w.data(), 4 * columns);
    model.tdpbusd(0, 1, 2);
    const std::vector<std::int32_t> sums = stored(model, 0, {rows, 4 * columns});
    const auto row_elems = static_cast<std::size_t>(columns);
    const std::size_t bytes = 4 * static_cast<std::size_t>(depth);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t m = i / row_elems;
      const std::size_t n = i % row_elems;
      std::int32_t first = 0;
      std::memcpy(&first, start.data() + 4 * i, 4);
      std::int64_t expected = first;
      for (std::size_t k = 0; k < bytes; ++k) {
        const int right = w[(k / 4 * row_elems + n) * 4 + k % 4];
        expected += std::int64_t{x[m * bytes + k]} * (right < 128 ? right : right - 256);
      }
      CHECK(sums[i] == static_cast<std::int32_t>(static_cast<std::uint32_t>(expected)));
    }
    if (rows < 16) CHECK(model.byte(0, rows, 0) == 0);
    if (columns < 16) CHECK(model.byte(0, 0, 4 * columns) == 0);
  }
}

TEST_CASE("tile model: each thread has tiles of its own") {
  narrow::testing::tile_model().ldtilecfg(configuration({{1, 4}}).data());
  bool other = true;
  std::thread([&] { other = narrow::testing::tile_model().configured(); }).join();
  CHECK_FALSE(other);
  CHECK(narrow::testing::tile_model().configured());
  narrow::testing::tile_model().tilerelease();
}

}  // namespace
