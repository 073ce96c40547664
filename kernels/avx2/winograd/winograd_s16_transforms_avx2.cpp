#include "kernels/avx2/winograd/winograd_s16_transforms_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx2 {
namespace {

NARROW_INLINE __m256i load_bytes(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// A m for 8 channels at once. See winograd_s16_4x4_avx2.h, and winograd_s16_3x3_avx2.cpp for 3 outputs.
template <int kOutputs>
NARROW_INLINE void transform(const __m256i* m, __m256i* out) {
  const __m256i sum12 = _mm256_add_epi32(m[1], m[2]);
  const __m256i difference12 = _mm256_sub_epi32(m[1], m[2]);
  const __m256i sum34 = _mm256_add_epi32(m[3], m[4]);
  const __m256i difference34 = _mm256_sub_epi32(m[3], m[4]);
  out[0] = _mm256_add_epi32(_mm256_add_epi32(m[0], sum34), _mm256_slli_epi32(sum12, 2));
  out[1] = _mm256_add_epi32(_mm256_add_epi32(difference12, difference12), difference34);
  out[2] = _mm256_add_epi32(sum12, sum34);
  if constexpr (kOutputs == 3) {
    out[2] = _mm256_add_epi32(out[2], m[5]);
  } else {
    out[3] = _mm256_add_epi32(_mm256_add_epi32(difference34, difference34), _mm256_add_epi32(difference12, m[5]));
  }
}

template <int kShift>
NARROW_INLINE __m256i accumulator(__m256i scaled, __m256i inverse, __m256i bias) {
  return _mm256_add_epi32(_mm256_srai_epi32(_mm256_mullo_epi32(scaled, inverse), kShift), bias);
}

// kShift: k of the row.
template <int kOutputs, int kShift>
NARROW_INLINE void finish_row(const __m256i* m, __m256i inverse, __m256i bias, std::byte* acc) {
  __m256i out[kOutputs];
  transform<kOutputs>(m, out);
  __m256i* const to = reinterpret_cast<__m256i*>(acc);
  _mm256_store_si256(to, accumulator<kShift + 3>(out[0], inverse, bias));
  _mm256_store_si256(to + 2, accumulator<kShift + 2>(out[1], inverse, bias));
  _mm256_store_si256(to + 4, accumulator<kShift + 1>(out[2], inverse, bias));
  if constexpr (kOutputs > 3) _mm256_store_si256(to + 6, accumulator<kShift + 1>(out[3], inverse, bias));
}

// One half of each Acc of the tile.
template <int kOutputs>
[[gnu::noinline]] void finish_half(const std::byte* m, std::int64_t position_bytes, __m256i bias, std::byte* acc) {
  __m256i columns[kOutputs * kWinogradInputs];
  for (int j = 0; j < kWinogradInputs; ++j, m += position_bytes) {
    __m256i in[kWinogradInputs], out[kOutputs];
    for (int i = 0; i < kWinogradInputs; ++i) in[i] = load(m + i * kWinogradInputs * position_bytes);
    transform<kOutputs>(in, out);
    for (int i = 0; i < kOutputs; ++i) columns[i * kWinogradInputs + j] = out[i];
  }
  const __m256i inverse = _mm256_set1_epi32(kInverseOf9);
  constexpr std::int64_t kRowBytes = kOutputs * std::int64_t{sizeof(Acc)};
  finish_row<kOutputs, 3>(columns, inverse, bias, acc);
  finish_row<kOutputs, 2>(columns + kWinogradInputs, inverse, bias, acc + kRowBytes);
  finish_row<kOutputs, 1>(columns + 2 * kWinogradInputs, inverse, bias, acc + 2 * kRowBytes);
  if constexpr (kOutputs > 3) {
    finish_row<kOutputs, 1>(columns + 3 * kWinogradInputs, inverse, bias, acc + 3 * kRowBytes);
  }
}

template <int kOutputs>
void finish_tile(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                 const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel, int channels,
                 void* output) {
  Acc acc[kOutputs * kOutputs];
  std::byte* const halves = reinterpret_cast<std::byte*>(acc);
  finish_half<kOutputs>(m, position_bytes, load(head), halves);
  finish_half<kOutputs>(m + 32, position_bytes, load(head + 32), halves + 32);
  const float* const multiplier = reinterpret_cast<const float*>(head + 64);
  const bool whole = channels == 16 && tile.columns == kOutputs && problem.output_type == OutputType::kUint8;
  std::int64_t index = tile.pixel * stage.out_c + channel;
  const Acc* row = acc;
  for (int r = 0; r < tile.rows; ++r, row += kOutputs, index += problem.shape.out_w * stage.out_c) {
    if (whole) {
      std::uint8_t* const out = static_cast<std::uint8_t*>(output) + index;
      store_pixels(stage, row[0], row[1], multiplier, out);
      if constexpr (kOutputs > 3) {
        store_pixels(stage, row[2], row[3], multiplier, out + 2 * stage.out_c);
      } else {
        store_pixel(stage, row[2], multiplier, out + 2 * stage.out_c);
      }
    } else {
      store_panel(problem, stage, row, tile.columns, multiplier, channels, output, index);
    }
  }
}

}  // namespace

void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  if (count < 16) {
    alignas(32) std::int16_t results[16];
    for (int i = 0; i < kWinogradInputs; ++i) {
      alignas(16) std::uint8_t bytes[16] = {};
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load_bytes(bytes);
    }
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(results), out[i]);
      std::memcpy(lines + i * line_bytes, results, static_cast<std::size_t>(count) * 2);
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 16) {
    if (k + 16 > count) k = count - 16;  // the last 16, which repeats some
    for (int i = 0; i < kWinogradInputs; ++i) d[i] = load_bytes(rows[i] + k);
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(lines + i * line_bytes + k * 2), out[i]);
    }
  }
}

// B times a column of zero points is (0, 6 * zero_point, 0, 0, 0, 0).
void fill_columns(std::int32_t zero_point, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  for (int i = 0; i < kWinogradInputs; ++i) {
    std::memset(lines + i * line_bytes, 0, static_cast<std::size_t>(count) * 2);
  }
  std::int16_t* const second = reinterpret_cast<std::int16_t*>(lines + line_bytes);
  const std::int16_t value = static_cast<std::int16_t>(6 * zero_point);
  for (std::int64_t k = 0; k < count; ++k) second[k] = value;
}

void transform_output_4x4(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output) {
  finish_tile<4>(problem, stage, tile, m, position_bytes, head, channel, channels, output);
}

void transform_output_3x3(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output) {
  finish_tile<3>(problem, stage, tile, m, position_bytes, head, channel, channels, output);
}

namespace {

// The products. Accumulators have names, and each tile size has a function of its own with few live pointers. Otherwise
// g++ 12 moves an array of accumulators to the stack.

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

namespace {

// The weight transform W = G g G^T.

constexpr int kTaps = 9;
constexpr std::int64_t kHalfBytes = kTaps * 16;

NARROW_INLINE __m256i six_times(__m256i x) {
  const __m256i twice = _mm256_add_epi16(x, x);
  return _mm256_add_epi16(_mm256_add_epi16(twice, twice), twice);
}

// G g for one column or row of weights; out[i] is out[i * stride].
NARROW_INLINE void transform(__m256i g0, __m256i g1, __m256i g2, __m256i* out, int stride) {
  const __m256i ends = _mm256_add_epi16(g0, g2);
  const __m256i even = _mm256_add_epi16(g0, _mm256_slli_epi16(g2, 2));
  const __m256i odd = _mm256_add_epi16(g1, g1);
  out[0] = six_times(g0);
  out[stride] = _mm256_add_epi16(ends, g1);
  out[2 * stride] = _mm256_sub_epi16(ends, g1);
  out[3 * stride] = _mm256_add_epi16(even, odd);
  out[4 * stride] = _mm256_sub_epi16(even, odd);
  out[5 * stride] = six_times(g2);
}

// The weights of the step's two input channels and of `channel`. Missing channels have weights of 0.
void pack_step(const ConvolutionProblem& problem, int panel, std::int64_t step, std::int8_t* out) {
  const ConvolutionShape& shape = problem.shape;
  std::memset(out, 0, kWinogradStepBytes);
  for (int c = 0; c < 16 && panel * 16 + c < shape.out_c; ++c) {
    const int lane = place_in_panel(c);
    for (int k = 0; k < 2 && 2 * step + k < shape.in_c; ++k) {
      const std::int8_t* const weights =
          problem.weights + std::int64_t{panel * 16 + c} * kTaps * shape.in_c + 2 * step + k;
      std::int8_t* const to = out + lane / 8 * kHalfBytes + lane % 8 * 2 + k;
      for (int tap = 0; tap < kTaps; ++tap) to[tap * 16] = weights[tap * shape.in_c];
    }
  }
}

// One tap of half a panel: `elems` weights (a multiple of 16) of each of 8 channels, which begin at `channels`. Steps
// of two input channels are kWinogradStepBytes apart. This transposes pairs.
void pack_half(const std::int8_t* weights, const std::int64_t (&channels)[8], std::int64_t elems, std::int8_t* out) {
  const auto load = [](const std::int8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  for (std::int64_t k = 0; k < elems; k += 16, out += 8 * kWinogradStepBytes) {
    __m128i x[8], y[8];
    for (int i = 0; i < 8; ++i) x[i] = load(weights + channels[i] + k);
    for (int i = 0; i < 4; ++i) {
      y[2 * i] = _mm_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
      y[2 * i + 1] = _mm_unpackhi_epi16(x[2 * i], x[2 * i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
      x[4 * i] = _mm_unpacklo_epi32(y[4 * i], y[4 * i + 2]);
      x[4 * i + 1] = _mm_unpackhi_epi32(y[4 * i], y[4 * i + 2]);
      x[4 * i + 2] = _mm_unpacklo_epi32(y[4 * i + 1], y[4 * i + 3]);
      x[4 * i + 3] = _mm_unpackhi_epi32(y[4 * i + 1], y[4 * i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
      __m128i* const two = reinterpret_cast<__m128i*>(out + 2 * i * kWinogradStepBytes);
      _mm_store_si128(two, _mm_unpacklo_epi64(x[i], x[4 + i]));
      _mm_store_si128(two + kWinogradStepBytes / 16, _mm_unpackhi_epi64(x[i], x[4 + i]));
    }
  }
}

// All weights of a whole panel if the number of input channels is a multiple of 16.
void pack_panel(const ConvolutionProblem& problem, int panel, std::int8_t* out) {
  const std::int64_t in_c = problem.shape.in_c;
  for (int half = 0; half < 2; ++half) {
    std::int64_t channels[8];
    for (int c = 0; c < 16; ++c) {
      if (place_in_panel(c) / 8 == half) channels[place_in_panel(c) % 8] = (panel * 16 + c) * kTaps * in_c;
    }
    for (int tap = 0; tap < kTaps; ++tap) {
      pack_half(problem.weights + tap * in_c, channels, in_c, out + half * kHalfBytes + tap * 16);
    }
  }
}

void pack_head(const ConvolutionProblem& problem, int channel, std::byte* panel) {
  const int lane = place_in_panel(channel % 16);
  reinterpret_cast<std::int32_t*>(panel)[lane] = static_cast<std::int32_t>(folded_bias(problem, channel));
  reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[channel];
}

}  // namespace

void pack_winograd(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* packed) {
  for (int p = 0; p < plan.panels; ++p, packed += plan.panel_bytes) {
    std::memset(packed, 0, kWinogradHeadBytes);
    for (int c = p * 16; c < p * 16 + 16 && c < problem.shape.out_c; ++c) pack_head(problem, c, packed);
    std::byte* to = packed + kWinogradHeadBytes;
    if (plan.transforms_weights && problem.shape.in_c % 16 == 0 && problem.shape.out_c - p * 16 >= 16) {
      pack_panel(problem, p, reinterpret_cast<std::int8_t*>(to));
      continue;
    }
    for (std::int64_t step = 0; step < plan.channels / 2; ++step) {
      alignas(32) std::int8_t weights[kWinogradStepBytes];
      pack_step(problem, p, step, weights);
      if (plan.transforms_weights) {
        std::memcpy(to, weights, sizeof weights);
        to += kWinogradStepBytes;
      } else {
        transform_weights(reinterpret_cast<const std::byte*>(weights), 1, plan.w_position_bytes, to);
        to += kWinogradWBytes;
      }
    }
  }
}

void transform_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes, std::byte* w) {
  for (std::int64_t half = 0; half < 2 * steps; ++half, weights += kHalfBytes, w += kWinogradWBytes / 2) {
    for (int line = 0; line < 3; ++line) prefetch_weights(weights + line * 64);
    __m256i g[kTaps];
    for (int tap = 0; tap < kTaps; ++tap) {
      g[tap] = _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(weights + tap * 16)));
    }
    __m256i columns[kWinogradInputs * 3], row[kWinogradInputs];
    for (int i = 0; i < 3; ++i) transform(g[i], g[3 + i], g[6 + i], columns + i, 3);
    std::byte* to = w;
    for (int i = 0; i < kWinogradInputs; ++i) {
      transform(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], row, 1);
      for (int j = 0; j < kWinogradInputs; ++j, to += position_bytes) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), row[j]);
      }
    }
  }
}

}  // namespace narrow::kernels::avx2
