#include "tests/support/tiles/tile_model.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace narrow::testing {
namespace {

void fault_if(bool wrong, const char* why) {
  if (wrong) throw TileFault(why);
}

}  // namespace

void TileModel::check(int tile) const {
  fault_if(!configured_, "tiles are not configured");
  fault_if(tile < 0 || tile >= kTiles, "there is no such tile");
  const Tile& of = tiles_[static_cast<std::size_t>(tile)];
  fault_if(of.rows == 0 || of.row_bytes == 0, "this tile is not configured");
}

// Bytes: palette, first row, 14 reserved, 16 words of bytes in a row, 16 bytes of rows. Palette 1 has 8 tiles; what the
// others would have is reserved.
void TileModel::ldtilecfg(const void* bytes) {
  std::array<std::uint8_t, 64> given{};
  std::memcpy(given.data(), bytes, given.size());
  fault_if(given[0] > 1, "there is no such palette");
  std::array<Tile, kTiles> tiles;
  if (given[0] == 1) {
    fault_if(given[1] >= kRows, "the first row is beyond the last");
    for (std::size_t i = 2; i < 16; ++i) fault_if(given[i] != 0, "a reserved byte is not 0");
    for (std::size_t i = 0; i < 16; ++i) {
      const int row_bytes = given[16 + 2 * i] | given[17 + 2 * i] << 8;
      const int rows = given[48 + i];
      if (i >= kTiles) {
        fault_if(row_bytes != 0 || rows != 0, "a reserved byte is not 0");
        continue;
      }
      fault_if(row_bytes > kRowBytes, "a row has more than 64 bytes");
      fault_if(rows > kRows, "a tile has more than 16 rows");
      fault_if((rows == 0) != (row_bytes == 0), "a tile has rows without bytes or bytes without rows");
      tiles[i].rows = rows;
      tiles[i].row_bytes = row_bytes;
    }
    // Only an interrupted instruction leaves another first row.
    fault_if(given[1] != 0, "the first row is not 0");
  }
  tiles_ = tiles;
  configured_ = given[0] == 1;
}

void TileModel::tilerelease() {
  tiles_ = {};
  configured_ = false;
}

void TileModel::tilezero(int tile) {
  check(tile);
  tiles_[static_cast<std::size_t>(tile)].data = {};
}

void TileModel::tileloadd(int tile, const void* rows, std::ptrdiff_t stride) {
  check(tile);
  Tile& to = tiles_[static_cast<std::size_t>(tile)];
  to.data = {};
  const auto* from = static_cast<const std::uint8_t*>(rows);
  for (int row = 0; row < to.rows; ++row, from += stride) {
    std::memcpy(to.data[static_cast<std::size_t>(row)].data(), from, static_cast<std::size_t>(to.row_bytes));
  }
}

void TileModel::tilestored(int tile, void* rows, std::ptrdiff_t stride) const {
  check(tile);
  const Tile& from = tiles_[static_cast<std::size_t>(tile)];
  auto* to = static_cast<std::uint8_t*>(rows);
  for (int row = 0; row < from.rows; ++row, to += stride) {
    std::memcpy(to, from.data[static_cast<std::size_t>(row)].data(), static_cast<std::size_t>(from.row_bytes));
  }
}

void TileModel::tdpbusd(int sums, int left, int right) {
  check(sums);
  check(left);
  check(right);
  fault_if(sums == left || sums == right || left == right, "two operands are the same tile");
  Tile& to = tiles_[static_cast<std::size_t>(sums)];
  const Tile& a = tiles_[static_cast<std::size_t>(left)];
  const Tile& b = tiles_[static_cast<std::size_t>(right)];
  fault_if(to.row_bytes % 4 != 0 || a.row_bytes % 4 != 0 || b.row_bytes % 4 != 0,
           "rows are not whole groups of 4 bytes");
  fault_if(to.rows != a.rows, "sums and left operand have different numbers of rows");
  fault_if(to.row_bytes != b.row_bytes, "sums and right operand have rows of different sizes");
  fault_if(a.row_bytes / 4 != b.rows, "the right operand has not one row for 4 bytes of the left one");
  for (std::size_t m = 0; m < static_cast<std::size_t>(to.rows); ++m) {
    std::array<std::uint32_t, kRowBytes / 4> row{};
    std::memcpy(row.data(), to.data[m].data(), kRowBytes);
    for (std::size_t k = 0; k < static_cast<std::size_t>(a.row_bytes / 4); ++k) {
      for (std::size_t n = 0; n < static_cast<std::size_t>(to.row_bytes / 4); ++n) {
        for (std::size_t i = 0; i < 4; ++i) {
          const int x = a.data[m][4 * k + i];
          const int w = b.data[k][4 * n + i];
          row[n] += static_cast<std::uint32_t>(x * (w < 128 ? w : w - 256));  // sums wrap
        }
      }
    }
    to.data[m] = {};
    std::memcpy(to.data[m].data(), row.data(), static_cast<std::size_t>(to.row_bytes));
  }
  for (auto m = static_cast<std::size_t>(to.rows); m < kRows; ++m) to.data[m] = {};
  ++products_;
}

std::uint8_t TileModel::byte(int tile, int row, int at) const {
  return tiles_[static_cast<std::size_t>(tile)].data[static_cast<std::size_t>(row)][static_cast<std::size_t>(at)];
}

TileModel& tile_model() {
  thread_local TileModel model;
  return model;
}

}  // namespace narrow::testing
