#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

// Accumulators have names, and each tile size has a function of its own with few live pointers. Otherwise g++ 12 moves
// an array of accumulators to the stack.
namespace narrow::kernels::avx2 {
namespace {

NARROW_INLINE void step(Acc& acc, __m256i x, __m256i low, __m256i high) {
  acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(x, low));
  acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(x, high));
  // Steps keep this order. Otherwise g++ 12 would broadcast several rows at once and spill.
  keep_in_registers(acc);
}

template <int kRows>
[[gnu::noinline]] void tile(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, const std::byte* w,
                            bool adds, Acc* m) {
  const __m256i zero = _mm256_setzero_si256();
  Acc a0{zero, zero};
  Acc a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
  if (adds) {
    a0 = m[0];
    if constexpr (kRows > 1) a1 = m[1];
    if constexpr (kRows > 2) a2 = m[2];
    if constexpr (kRows > 3) a3 = m[3];
    if constexpr (kRows > 4) a4 = m[4];
    if constexpr (kRows > 5) a5 = m[5];
  }
  const std::byte* const p1 = u + row_bytes;
  const std::byte* const p2 = p1 + row_bytes;
  const std::byte* const p3 = p2 + row_bytes;
  const std::byte* const p4 = p3 + row_bytes;
  const std::byte* const p5 = p4 + row_bytes;
  for (std::int64_t at = 0; at != u_bytes; at += 4, w += 64) {
    const __m256i low = load(w);
    const __m256i high = load(w + 32);
    step(a0, broadcast4(u + at), low, high);
    if constexpr (kRows > 1) step(a1, broadcast4(p1 + at), low, high);
    if constexpr (kRows > 2) step(a2, broadcast4(p2 + at), low, high);
    if constexpr (kRows > 3) step(a3, broadcast4(p3 + at), low, high);
    if constexpr (kRows > 4) step(a4, broadcast4(p4 + at), low, high);
    if constexpr (kRows > 5) step(a5, broadcast4(p5 + at), low, high);
  }
  m[0] = a0;
  if constexpr (kRows > 1) m[1] = a1;
  if constexpr (kRows > 2) m[2] = a2;
  if constexpr (kRows > 3) m[3] = a3;
  if constexpr (kRows > 4) m[4] = a4;
  if constexpr (kRows > 5) m[5] = a5;
}

using TileFunction = void (*)(const std::byte*, std::int64_t, std::int64_t, const std::byte*, bool, Acc*);
constexpr TileFunction kTiles[kWinogradTileRows] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};

}  // namespace

void multiply_winograd(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, std::int64_t rows,
                       const std::byte* w, bool adds, Acc* m) {
  if (rows <= kWinogradTileRows) return kTiles[rows - 1](u, row_bytes, u_bytes, w, adds, m);
  // Tiles of nearly equal size, because full tiles and a tiny one would take longer.
  for (std::int64_t left = (rows + kWinogradTileRows - 1) / kWinogradTileRows; left > 0; --left) {
    const std::int64_t now = (rows + left - 1) / left;
    kTiles[now - 1](u, row_bytes, u_bytes, w, adds, m);
    u += now * row_bytes;
    m += now;
    rows -= now;
  }
}

}  // namespace narrow::kernels::avx2
