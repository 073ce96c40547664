#include "kernels/avx512vnni/convolution_tiles_avx512vnni.h"

#include <immintrin.h>

#include <type_traits>

#include "kernels/avx512vnni/convolution_output_avx512vnni.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"
#include "kernels/shared/vnni/layout_vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

using vnni::TileFunction;
using vnni::TileInput;
using vnni::TileOutput;

template <int kPixels, int kVectors>
struct Accumulators {
  Vectors<kVectors> first;
  Accumulators<kPixels - 1, kVectors> rest;
};
template <int kVectors>
struct Accumulators<0, kVectors> {};
template <int kPixels>
struct Windows {
  const std::uint8_t* first;
  Windows<kPixels - 1> rest;
};
template <>
struct Windows<0> {};

// asm statements keep this order. Otherwise compilers would load several pixels at once and spill.
NARROW_INLINE __m512i broadcast4(const std::uint8_t* bytes) {
  struct [[gnu::packed, gnu::may_alias]] Four {
    std::uint8_t bytes[4];
  };
  __m512i x;
  __asm__ volatile("vpbroadcastd %1, %0" : "=v"(x) : "m"(*reinterpret_cast<const Four*>(bytes)));
  return x;
}
NARROW_INLINE void multiply(__m512i& acc, __m512i x, __m512i weights) {
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(weights));
}
NARROW_INLINE void multiply_memory(__m512i& acc, __m512i x, const __m512i* weights) {
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "m"(*weights));
}

// 28 accumulators and 4 vectors of weights leave no register for x. Therefore one vector of weights is an operand in
// memory.
template <int kCount, int kHeld>
NARROW_INLINE void step(Vectors<kCount>& acc, __m512i x, const Vectors<kHeld>& held, const __m512i* weights) {
  if constexpr (kHeld > 0) {
    multiply(acc.first, x, held.first);
    if constexpr (kCount > 1) step(acc.rest, x, held.rest, weights + 1);
  } else {
    multiply_memory(acc.first, x, weights);
  }
}

template <int kPixels, int kVectors, int kHeld>
NARROW_INLINE void step_all(Accumulators<kPixels, kVectors>& acc, const Windows<kPixels>& windows, std::int64_t at,
                            const Vectors<kHeld>& held, const __m512i* weights) {
  step(acc.first, broadcast4(windows.first + at), held, weights);
  if constexpr (kPixels > 1) step_all(acc.rest, windows.rest, at, held, weights);
}

// Weights as they are stored: in bytes, or in 4 or 2 bits (kernels/shared/narrow_weights.h).
struct Bytes {
  static constexpr std::int64_t kVectorBytes = 64;

  [[gnu::always_inline]] explicit Bytes(const WeightStorage& /*storage*/) {}

  [[nodiscard]] std::int64_t vector_bytes() const { return kVectorBytes; }
  [[nodiscard, gnu::always_inline]] __m512i vector(const std::byte* from) const {
    return _mm512_load_si512(reinterpret_cast<const __m512i*>(from));
  }
};
struct Narrow {
  __m512i order;   // makes copies of two units, in both halves or all quarters of each half of a vector
  __m512i shifts;  // move the weights of each part to the lowest bits
  __m512i mask, least;
  __mmask8 loaded;  // no byte behind the units is read
  std::int64_t bytes;

  [[gnu::always_inline]] explicit Narrow(const WeightStorage& storage)
      : order(storage.bits == 4 ? _mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3)
                                : _mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1)),
        shifts(storage.bits == 4 ? _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4)
                                 : _mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6)),
        mask(_mm512_set1_epi8(static_cast<char>((1 << storage.bits) - 1))),
        least(_mm512_set1_epi8(storage.least)),
        loaded(storage.bits == 4 ? 0xF : 0x3),
        bytes(8 * storage.bits) {}

  [[nodiscard]] std::int64_t vector_bytes() const { return bytes; }
  [[nodiscard, gnu::always_inline]] __m512i vector(const std::byte* from) const {
    const __m512i units = _mm512_maskz_loadu_epi64(loaded, from);
    const __m512i copies = _mm512_maskz_permutexvar_epi64(0xFF, order, units);
    return _mm512_add_epi8(_mm512_and_si512(_mm512_maskz_srlv_epi64(0xFF, copies, shifts), mask), least);
  }
};
template <class Stored, int kCount>
NARROW_INLINE void load_stored(const Stored& stored, Vectors<kCount>& to, const std::byte* from) {
  to.first = stored.vector(from);
  if constexpr (kCount > 1) load_stored(stored, to.rest, from + stored.vector_bytes());
}

template <int kPixels>
NARROW_INLINE void load_windows(Windows<kPixels>& to, const std::uint8_t* const* from, std::int64_t shift) {
  to.first = *from + shift;
  if constexpr (kPixels > 1) load_windows(to.rest, from + 1, shift);
}

template <int kPixels, int kVectors>
NARROW_INLINE void set_all(Accumulators<kPixels, kVectors>& acc, const Vectors<kVectors>& bias) {
  acc.first = bias;
  if constexpr (kPixels > 1) set_all(acc.rest, bias);
}

template <int kCount>
NARROW_INLINE void store(const Vectors<kCount>& acc, __m512i* to) {
  _mm512_store_si512(to, acc.first);
  if constexpr (kCount > 1) store(acc.rest, to + 1);
}
template <int kPixels, int kVectors>
NARROW_INLINE void store_accumulators(const Accumulators<kPixels, kVectors>& acc, __m512i* to) {
  store(acc.first, to);
  if constexpr (kPixels > 1) store_accumulators(acc.rest, to + kVectors);
}

template <int kPixels, int kVectors>
NARROW_INLINE void write_all(const Stage& stage, const Accumulators<kPixels, kVectors>& acc,
                             const Vectors<kVectors>& multiplier, std::uint8_t* out, std::ptrdiff_t pixel_step) {
  write(stage, acc.first, multiplier, out);
  if constexpr (kPixels > 1) write_all(stage, acc.rest, multiplier, out + pixel_step, pixel_step);
}

template <int kPixels, int kVectors, class Stored = Bytes>
[[gnu::noinline]] void tile(const TileInput& input, const TileOutput& output) {
  constexpr int kHeld = kPixels * kVectors + kVectors < 32 ? kVectors : kVectors - 1;
  Windows<kPixels> windows;
  load_windows(windows, input.windows, input.shift);
  Accumulators<kPixels, kVectors> acc;
  const __m512i* const head = reinterpret_cast<const __m512i*>(input.head);
  {
    Vectors<kVectors> bias;
    load(bias, head);
    set_all(acc, bias);
  }
  const Stored stored(input.storage);
  const std::byte* weights = input.weights;
  const std::int64_t* offset = input.offsets;
  const std::int64_t* const last = offset + input.segments;
  const std::int64_t segment_bytes = input.segment_bytes;
  const std::byte* ahead = input.ahead;
  do {
    std::int64_t at = *offset++;
    const std::int64_t end = at + segment_bytes;
    do {
      // Narrow weights of a step are at most half as long.
      constexpr int kLines = std::is_same_v<Stored, Narrow> ? (kVectors + 1) / 2 : kVectors;
      for (int line = 0; line < kLines; ++line) prefetch_weights(weights + 64 * line);
      prefetch_ahead(ahead);
      ahead += sizeof(__m512i);
      Vectors<kHeld> held;
      load_stored(stored, held, weights);
      step_all(acc, windows, at, held, reinterpret_cast<const __m512i*>(weights));
      weights += kVectors * stored.vector_bytes();
      at += vnni::kStepElems;
    } while (at != end);
  } while (offset != last);
  if (output.out == nullptr) return store_accumulators(acc, reinterpret_cast<__m512i*>(output.acc));
  Vectors<kVectors> multiplier;
  load(multiplier, head + kVectors);
  const Stage stage{_mm512_set1_epi16(output.zero_point), _mm512_set1_epi8(static_cast<char>(output.lo)),
                    _mm512_set1_epi8(static_cast<char>(output.hi))};
  write_all(stage, acc, multiplier, output.out, output.step);
}

}  // namespace

TileFunction tile_function(std::int64_t vectors, std::int64_t pixels) {
#define NARROW_TILES_TO_7(v)                                                                      \
  avx512vnni::tile<1, v>, avx512vnni::tile<2, v>, avx512vnni::tile<3, v>, avx512vnni::tile<4, v>, \
      avx512vnni::tile<5, v>, avx512vnni::tile<6, v>, avx512vnni::tile<7, v>
#define NARROW_TILES_TO_14(v)                                                                    \
  NARROW_TILES_TO_7(v), avx512vnni::tile<8, v>, avx512vnni::tile<9, v>, avx512vnni::tile<10, v>, \
      avx512vnni::tile<11, v>, avx512vnni::tile<12, v>, avx512vnni::tile<13, v>, avx512vnni::tile<14, v>
  static constexpr TileFunction kTiles[Tiles::kMaxVectors][14] = {
      {NARROW_TILES_TO_14(1)},
      {NARROW_TILES_TO_14(2)},
      {NARROW_TILES_TO_7(3), avx512vnni::tile<8, 3>, avx512vnni::tile<9, 3>},
      {NARROW_TILES_TO_7(4)}};
  return kTiles[vectors - 1][pixels - 1];
}

TileFunction narrow_tile_function() { return avx512vnni::tile<1, Tiles::kNarrowVectors, Narrow>; }

}  // namespace narrow::kernels::avx512vnni
