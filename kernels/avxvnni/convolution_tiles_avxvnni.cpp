#include "kernels/avxvnni/convolution_tiles_avxvnni.h"

#include <immintrin.h>

#include <type_traits>

#include "kernels/shared/inline.h"
#include "kernels/shared/narrow_weights.h"
#include "kernels/shared/prefetch.h"
#include "kernels/shared/vnni/layout_vnni.h"

namespace narrow::kernels::avxvnni {
namespace {

using vnni::TileFunction;
using vnni::TileInput;
using vnni::TileOutput;

// Nested structs instead of arrays, because g++ 12 keeps arrays of vectors on the stack.
template <int kCount>
struct Vectors {
  __m256i first;
  Vectors<kCount - 1> rest;
};
template <>
struct Vectors<0> {};
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
NARROW_INLINE __m256i broadcast4(const std::uint8_t* bytes) {
  struct [[gnu::packed, gnu::may_alias]] Four {
    std::uint8_t bytes[4];
  };
  __m256i x;
  __asm__ volatile("vpbroadcastd %1, %0" : "=x"(x) : "m"(*reinterpret_cast<const Four*>(bytes)));
  return x;
}
NARROW_INLINE void multiply(__m256i& acc, __m256i x, __m256i weights) {
#ifdef __AVXVNNI__
  __asm__ volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(weights));
#else
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(weights));
#endif
}

template <int kCount>
NARROW_INLINE void load(Vectors<kCount>& to, const __m256i* from) {
  to.first = _mm256_load_si256(from);
  if constexpr (kCount > 1) load(to.rest, from + 1);
}

// Weights as they are stored: in bytes, or in 4 or 2 bits (kernels/shared/narrow_weights.h).
struct Bytes {
  static constexpr std::int64_t kVectorBytes = 32;

  [[gnu::always_inline]] explicit Bytes(const WeightStorage& /*storage*/) {}

  [[nodiscard]] std::int64_t vector_bytes() const { return kVectorBytes; }
  [[nodiscard, gnu::always_inline]] __m256i vector(const std::byte* from) const {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
};
struct Narrow {
  NarrowUnits units;

  [[gnu::always_inline]] explicit Narrow(const WeightStorage& storage) : units(narrow_units(storage)) {}

  [[nodiscard]] std::int64_t vector_bytes() const { return units.bytes; }
  [[nodiscard, gnu::always_inline]] __m256i vector(const std::byte* from) const { return widened(units, from); }
};
template <class Stored, int kCount>
NARROW_INLINE void load_stored(const Stored& stored, Vectors<kCount>& to, const std::byte* from) {
  to.first = stored.vector(from);
  if constexpr (kCount > 1) load_stored(stored, to.rest, from + stored.vector_bytes());
}

template <int kCount>
NARROW_INLINE void step(Vectors<kCount>& acc, __m256i x, const Vectors<kCount>& weights) {
  multiply(acc.first, x, weights.first);
  if constexpr (kCount > 1) step(acc.rest, x, weights.rest);
}
template <int kPixels, int kVectors>
NARROW_INLINE void step_all(Accumulators<kPixels, kVectors>& acc, const Windows<kPixels>& windows, std::int64_t at,
                            const Vectors<kVectors>& weights) {
  step(acc.first, broadcast4(windows.first + at), weights);
  if constexpr (kPixels > 1) step_all(acc.rest, windows.rest, at, weights);
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
NARROW_INLINE void store(const Vectors<kCount>& acc, __m256i* to) {
  _mm256_store_si256(to, acc.first);
  if constexpr (kCount > 1) store(acc.rest, to + 1);
}
template <int kPixels, int kVectors>
NARROW_INLINE void store_accumulators(const Accumulators<kPixels, kVectors>& acc, __m256i* to) {
  store(acc.first, to);
  if constexpr (kPixels > 1) store_accumulators(acc.rest, to + kVectors);
}

// refuse_panels has proved that products fit an int32. Therefore packing with saturation is the only clamp before the
// bounds of bytes.
struct Stage {
  __m128i zero_point;  // int16
  __m128i lo, hi;      // uint8
};

NARROW_INLINE __m256i rounded(__m256i acc, __m256i multiplier) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_castsi256_ps(multiplier)));
}
NARROW_INLINE __m128i lower(__m256i both) { return _mm256_castsi256_si128(both); }
NARROW_INLINE __m128i upper(__m256i both) { return _mm256_extracti128_si256(both, 1); }

// Writes one pixel. Lanes are in the order of place_in_panel.
NARROW_INLINE void write(const Stage& stage, const Vectors<2>& acc, const Vectors<2>& multiplier, std::uint8_t* out) {
  const __m256i words =
      _mm256_packs_epi32(rounded(acc.first, multiplier.first), rounded(acc.rest.first, multiplier.rest.first));
  const __m128i bytes =
      _mm_packus_epi16(_mm_adds_epi16(lower(words), stage.zero_point), _mm_adds_epi16(upper(words), stage.zero_point));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_min_epu8(_mm_max_epu8(bytes, stage.lo), stage.hi));
}
NARROW_INLINE void write(const Stage& stage, const Vectors<1>& acc, const Vectors<1>& multiplier, std::uint8_t* out) {
  const __m256i y = rounded(acc.first, multiplier.first);
  const __m128i words = _mm_adds_epi16(_mm_packs_epi32(lower(y), upper(y)), stage.zero_point);
  const __m128i bytes = _mm_packus_epi16(words, words);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_min_epu8(_mm_max_epu8(bytes, stage.lo), stage.hi));
}

template <int kPixels, int kVectors>
NARROW_INLINE void write_all(const Stage& stage, const Accumulators<kPixels, kVectors>& acc,
                             const Vectors<kVectors>& multiplier, std::uint8_t* out, std::ptrdiff_t pixel_step) {
  write(stage, acc.first, multiplier, out);
  if constexpr (kPixels > 1) write_all(stage, acc.rest, multiplier, out + pixel_step, pixel_step);
}

template <int kPixels, int kVectors, class Stored = Bytes>
[[gnu::noinline]] void tile(const TileInput& input, const TileOutput& output) {
  Windows<kPixels> windows;
  load_windows(windows, input.windows, input.shift);
  Accumulators<kPixels, kVectors> acc;
  const __m256i* const head = reinterpret_cast<const __m256i*>(input.head);
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
  do {
    std::int64_t at = *offset++;
    const std::int64_t end = at + segment_bytes;
    do {
      Vectors<kVectors> held;
      if constexpr (std::is_same_v<Stored, Narrow>) prefetch_weights(weights);
      load_stored(stored, held, weights);
      step_all(acc, windows, at, held);
      weights += kVectors * stored.vector_bytes();
      at += vnni::kStepElems;
    } while (at != end);
  } while (offset != last);
  if (output.out == nullptr) return store_accumulators(acc, reinterpret_cast<__m256i*>(output.acc));
  Vectors<kVectors> multiplier;
  load(multiplier, head + kVectors);
  const Stage stage{_mm_set1_epi16(output.zero_point), _mm_set1_epi8(static_cast<char>(output.lo)),
                    _mm_set1_epi8(static_cast<char>(output.hi))};
  write_all(stage, acc, multiplier, output.out, output.step);
}

}  // namespace

TileFunction tile_function(std::int64_t vectors, std::int64_t pixels) {
#define NARROW_TILES_TO_6(v)                                                                               \
  avxvnni::tile<1, v>, avxvnni::tile<2, v>, avxvnni::tile<3, v>, avxvnni::tile<4, v>, avxvnni::tile<5, v>, \
      avxvnni::tile<6, v>
  static constexpr TileFunction kTiles[Tiles::kMaxVectors][12] = {
      {NARROW_TILES_TO_6(1), avxvnni::tile<7, 1>, avxvnni::tile<8, 1>, avxvnni::tile<9, 1>, avxvnni::tile<10, 1>,
       avxvnni::tile<11, 1>, avxvnni::tile<12, 1>},
      {NARROW_TILES_TO_6(2)}};
  return kTiles[vectors - 1][pixels - 1];
}

TileFunction narrow_tile_function() { return avxvnni::tile<1, Tiles::kNarrowVectors, Narrow>; }

}  // namespace narrow::kernels::avxvnni
