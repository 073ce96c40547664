// What the instructions of AMX-TILE and AMX-INT8 do, in C++, after the pseudo-code of Intel's manual (SDM vol. 2,
// LDTILECFG to TILEZERO and TDPBUSD; vol. 1, chapter 18). CPUs without them test kernels with it. Where a CPU would
// fault, a function throws TileFault.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace narrow::testing {

struct TileFault : std::logic_error {
  using std::logic_error::logic_error;
};

// The tile registers of a thread.
class TileModel {
 public:
  static constexpr int kTiles = 8;
  static constexpr int kRows = 16;
  static constexpr int kRowBytes = 64;

  void ldtilecfg(const void* bytes);
  void tilerelease();
  void tilezero(int tile);
  void tileloadd(int tile, const void* rows, std::ptrdiff_t stride);
  void tilestored(int tile, void* rows, std::ptrdiff_t stride) const;
  void tdpbusd(int sums, int left, int right);

  [[nodiscard]] bool configured() const { return configured_; }
  // How many tdpbusd ran since the object was made, so that a test sees that they did.
  [[nodiscard]] std::int64_t products() const { return products_; }
  // Rows and bytes beyond the shape of a tile too.
  [[nodiscard]] std::uint8_t byte(int tile, int row, int at) const;

 private:
  struct Tile {
    int rows = 0, row_bytes = 0;
    std::array<std::array<std::uint8_t, kRowBytes>, kRows> data{};
  };

  void check(int tile) const;

  std::array<Tile, kTiles> tiles_;
  bool configured_ = false;
  std::int64_t products_ = 0;
};

// That of the calling thread.
[[nodiscard]] TileModel& tile_model();

}  // namespace narrow::testing
