#include "kernels/amx/convolution_tiles_amx.h"

#include <immintrin.h>

#include <cstddef>

#include "base/arithmetic.h"
#include "kernels/amx/tile_instructions_amx.h"
#include "kernels/avx512vnni/convolution_output_avx512vnni.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/vnni/layout_vnni.h"

namespace narrow::kernels::amx {
namespace {

using vnni::TileInput;
using vnni::TileOutput;

constexpr std::int64_t kRows = 16;      // of a tile register
constexpr std::int64_t kRowBytes = 64;  // of a row
// The tile registers: sums of pixels 0 to 15 and of 16 to 31 of two vectors of channels, inputs of both sets of pixels,
// weights of both vectors.
enum Register { kSums = 0, kInputs = 4, kWeights = 6, kRegisters = 8 };

// What ldtilecfg reads (Intel SDM vol. 1, chapter 18): palette 1, which has the registers above, and their shapes.
struct alignas(64) Configuration {
  std::uint8_t palette, start_row;
  std::uint8_t reserved[14];
  std::uint16_t row_bytes[16];
  std::uint8_t rows[16];
};
static_assert(sizeof(Configuration) == 64);

// A part of a segment in 64 bytes of depth.
struct Piece {
  std::int64_t at;  // what would be byte 0 of the 64, as an offset from the window pointer
  __mmask64 bytes;  // those of this piece
};

// The depth of a window, 64 bytes at a time. Segments follow each other without gaps, as in the weights.
struct Depth {
  const std::int64_t* offset;
  const std::int64_t* last;
  std::int64_t shift, segment_bytes;
  std::int64_t done;  // bytes of the current segment
  Piece pieces[16];   // a segment has 4 bytes at least
  std::int64_t count;

  // False: nothing is left. After the last segment, bytes have no piece and count as 0.
  bool next() {
    std::int64_t filled = 0;
    for (count = 0; filled < kRowBytes && offset != last; ++count) {
      const std::int64_t bytes = base::clamped(segment_bytes - done, 1, kRowBytes - filled);
      pieces[count] = {*offset + shift + done - filled, ~__mmask64{0} >> (kRowBytes - bytes) << filled};
      filled += bytes;
      done += bytes;
      if (done == segment_bytes) {
        done = 0;
        ++offset;
      }
    }
    return count > 0;
  }
  [[nodiscard]] bool contiguous() const { return pieces[0].bytes == ~__mmask64{0}; }
};

// The windows of up to 16 pixels. Where they have equal distances, a strided load reads 64 bytes of each in place. This
// holds within a row of outputs, and across rows where windows are one pixel without stride. All others are copied
// first: for each pixel a masked load of each piece and a store. That is 16 cycles or more for a register, and its one
// or two multiplications take 16 cycles each meanwhile.
struct Inputs {
  const std::uint8_t* const* windows;
  std::int64_t pixels;
  std::ptrdiff_t stride;  // 0: they are copied

  Inputs(const std::uint8_t* const* first, std::int64_t count) : windows(first), pixels(count), stride(0) {
    if (count < kRows) return;  // a strided load reads 16 windows
    stride = first[1] - first[0];
    for (std::int64_t p = 1; p < kRows; ++p) {
      if (first[p] - first[p - 1] != stride) stride = 0;
    }
  }
};

// Rows after the last pixel keep what they hold. Their sums are not read.
[[gnu::noinline]] void copy(const Inputs& inputs, const Depth& depth, std::uint8_t* rows) {
  for (std::int64_t p = 0; p < inputs.pixels; ++p) {
    __m512i row = _mm512_setzero_si512();
    for (std::int64_t i = 0; i < depth.count; ++i) {
      row = _mm512_mask_loadu_epi8(row, depth.pieces[i].bytes, inputs.windows[p] + depth.pieces[i].at);
    }
    _mm512_store_si512(rows + p * kRowBytes, row);
  }
}

template <int kRegister>
NARROW_INLINE void load_inputs(const Inputs& inputs, const Depth& depth, std::uint8_t* rows) {
  if (inputs.stride != 0 && depth.contiguous()) {
    load_tile<kRegister>(inputs.windows[0] + depth.pieces[0].at, inputs.stride);
  } else {
    copy(inputs, depth, rows);
    load_tile<kRegister>(rows, kRowBytes);
  }
}

// Up to 16 * kSets pixels and kVectors vectors of channels, from vector `vector` of the panel on.
template <int kSets, int kVectors>
[[gnu::noinline]] void multiply(const TileInput& input, std::int64_t vectors, std::int64_t vector, std::int64_t pixels,
                                std::int32_t* acc) {
  alignas(64) std::uint8_t rows[kSets][kRows * kRowBytes];
  const std::ptrdiff_t row_bytes = vectors * kRowBytes;  // of weights and of accumulators
  const Inputs first(input.windows, kSets == 1 ? pixels : kRows);
  const Inputs second(input.windows + (kSets - 1) * kRows, kSets == 1 ? 0 : pixels - kRows);
  Depth depth{input.offsets, input.offsets + input.segments, input.shift, input.segment_bytes, 0, {}, 0};
  const std::byte* const bias = input.head + vector * kRowBytes;
  load_tile<kSums>(bias, 0);
  if constexpr (kVectors == 2) load_tile<kSums + 1>(bias + kRowBytes, 0);
  if constexpr (kSets == 2) load_tile<kSums + 2>(bias, 0);
  if constexpr (kSets == 2 && kVectors == 2) load_tile<kSums + 3>(bias + kRowBytes, 0);
  for (const std::byte* weights = input.weights + vector * kRowBytes; depth.next(); weights += kRows * row_bytes) {
    load_tile<kWeights>(weights, row_bytes);
    if constexpr (kVectors == 2) load_tile<kWeights + 1>(weights + kRowBytes, row_bytes);
    load_inputs<kInputs>(first, depth, rows[0]);
    multiply_tiles<kSums, kInputs, kWeights>();
    if constexpr (kVectors == 2) multiply_tiles<kSums + 1, kInputs, kWeights + 1>();
    if constexpr (kSets == 2) {
      load_inputs<kInputs + 1>(second, depth, rows[1]);
      multiply_tiles<kSums + 2, kInputs + 1, kWeights>();
      if constexpr (kVectors == 2) multiply_tiles<kSums + 3, kInputs + 1, kWeights + 1>();
    }
  }
  std::int32_t* const to = acc + vector * 16;
  store_tile<kSums>(to, row_bytes);
  if constexpr (kVectors == 2) store_tile<kSums + 1>(to + 16, row_bytes);
  if constexpr (kSets == 2) store_tile<kSums + 2>(to + kRows * vectors * 16, row_bytes);
  if constexpr (kSets == 2 && kVectors == 2) store_tile<kSums + 3>(to + kRows * vectors * 16 + 16, row_bytes);
}

// The bytes of a pixel take no more than its accumulators, so that they may be written over those.
template <int kVectors>
[[gnu::noinline]] void write_pixels(const TileInput& input, const TileOutput& output, std::int64_t pixels) {
  avx512vnni::Vectors<kVectors> multiplier, acc;
  avx512vnni::load(multiplier, reinterpret_cast<const __m512i*>(input.head) + kVectors);
  const avx512vnni::Stage stage{_mm512_set1_epi16(output.zero_point), _mm512_set1_epi8(static_cast<char>(output.lo)),
                                _mm512_set1_epi8(static_cast<char>(output.hi))};
  const __m512i* from = reinterpret_cast<const __m512i*>(output.acc);
  std::uint8_t* out = output.out;
  for (std::int64_t p = 0; p < pixels; ++p, from += kVectors, out += output.step) {
    avx512vnni::load(acc, from);
    avx512vnni::write(stage, acc, multiplier, out);
  }
}

}  // namespace

void begin_tiles() {
  Configuration configuration{};
  configuration.palette = 1;
  for (int i = 0; i < kRegisters; ++i) {
    configuration.row_bytes[i] = kRowBytes;
    configuration.rows[i] = kRows;
  }
  load_configuration(&configuration);
}

void end_tiles() { release_tiles(); }

void run_tile(const TileInput& input, const TileOutput& output, std::int64_t vectors, std::int64_t pixels) {
  using Multiply = void (*)(const TileInput&, std::int64_t, std::int64_t, std::int64_t, std::int32_t*);
  static constexpr Multiply kMultiply[2][2] = {{amx::multiply<1, 1>, amx::multiply<1, 2>},
                                               {amx::multiply<2, 1>, amx::multiply<2, 2>}};
  for (std::int64_t vector = 0; vector < vectors; vector += 2) {
    kMultiply[pixels > kRows][vector + 1 < vectors](input, vectors, vector, pixels, output.acc);
  }
  if (output.out == nullptr) return;
  switch (vectors) {
    case 1:
      return write_pixels<1>(input, output, pixels);
    case 2:
      return write_pixels<2>(input, output, pixels);
    case 3:
      return write_pixels<3>(input, output, pixels);
    default:
      return write_pixels<4>(input, output, pixels);
  }
}

}  // namespace narrow::kernels::amx
