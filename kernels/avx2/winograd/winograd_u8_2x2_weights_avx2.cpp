// The weight transform W = G g G^T, see winograd_u8_2x2_avx2.h.
#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/avx2/shared/winograd_u8_2x2_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kTaps = 9;

// W of one output channel. Position p of input channel k is written to out[p * step + k]. Bytes may wrap in between;
// the results are in range.
void transform(const std::int8_t* weights, std::int64_t in_c, std::int64_t step, std::int8_t* out) {
  constexpr int kChunk = 64;
  const auto byte = [](int value) { return static_cast<std::int8_t>(value); };
  const auto apply = [&](const std::int8_t* g0, const std::int8_t* g1, const std::int8_t* g2, int count,
                         std::int64_t to_step, std::int8_t* to) {
    for (int k = 0; k < count; ++k) to[k] = byte(2 * g0[k]);
    for (int k = 0; k < count; ++k) to[to_step + k] = byte(g0[k] + g1[k] + g2[k]);
    for (int k = 0; k < count; ++k) to[2 * to_step + k] = byte(g0[k] - g1[k] + g2[k]);
    for (int k = 0; k < count; ++k) to[3 * to_step + k] = byte(2 * g2[k]);
  };
  for (std::int64_t k = 0; k < in_c; k += kChunk) {
    const int count = in_c - k < kChunk ? static_cast<int>(in_c - k) : kChunk;
    std::int8_t columns[4][3][kChunk];
    for (int column = 0; column < 3; ++column) {
      const std::int8_t* const g = weights + column * in_c + k;
      apply(g, g + 3 * in_c, g + 6 * in_c, count, 3 * kChunk, columns[0][column]);
    }
    for (int row = 0; row < 4; ++row) {
      apply(columns[row][0], columns[row][1], columns[row][2], count, step, out + 4 * row * step + k);
    }
  }
}

// The part of the four outputs of channel c that the offsets of U add: A (offset * sum of W) A^T.
void pack_constants(const std::int32_t* sums, std::int32_t offset, std::byte* head, int lane) {
  std::int32_t m[4][4];
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) m[i][j] = i == 1 && j == 1 ? 0 : offset * sums[4 * i + j];
  }
  std::int32_t rows[2][4];
  for (int j = 0; j < 4; ++j) {
    rows[0][j] = m[0][j] + m[1][j] + m[2][j];
    rows[1][j] = m[1][j] - m[2][j] - m[3][j];
  }
  std::int32_t* const out = reinterpret_cast<std::int32_t*>(head) + lane;
  for (int i = 0; i < 2; ++i) {
    out[(2 * i) * 16] = rows[i][0] + rows[i][1] + rows[i][2];
    out[(2 * i + 1) * 16] = rows[i][1] - rows[i][2] - rows[i][3];
  }
}

// Writes one output channel's weights to its lane.
void place_weights(const ByteWinogradPlan& plan, const std::int8_t* weights, std::int64_t count, std::byte* to) {
  const std::int64_t step = plan.vectors * 64;
  std::int64_t k = 0;
  for (; k + 4 <= count; k += 4, to += step) std::memcpy(to, weights + k, 4);
  if (k < count) std::memcpy(to, weights + k, static_cast<std::size_t>(count - k));
}

// 16 output channels from `channel` on, which are vector `vector` of the panel.
void pack_vector(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, int channel, std::int64_t vector,
                 bool adds_words, std::int8_t* w, std::byte* panel) {
  const ConvolutionShape& shape = problem.shape;
  const int count = shape.out_c - channel < 16 ? shape.out_c - channel : 16;
  const std::int64_t position_elems = 16 * plan.channels;
  std::memset(w, 0, static_cast<std::size_t>(kByteWinogradPositions * position_elems));
  const std::int32_t largest = largest_byte_winograd_input(problem);
  std::byte* const head = panel + kByteWinogradPositions * std::int64_t{sizeof(std::int64_t)} + vector * 6 * 64;
  for (int c = 0; c < count; ++c) {
    std::int8_t* const of_channel = w + c * plan.channels;
    const std::int64_t out_channel = channel + c;
    transform(problem.weights + out_channel * kTaps * shape.in_c, shape.in_c, position_elems, of_channel);
    std::int32_t sums[kByteWinogradPositions];
    for (int p = 0; p < kByteWinogradPositions; ++p) {
      std::int32_t sum = 0;
      for (std::int64_t k = 0; k < shape.in_c; ++k) sum += widened(of_channel[p * position_elems + k]);
      sums[p] = sum;
    }
    const int lane = place_in_panel(c);
    pack_constants(sums, largest / 2, head, lane);
    reinterpret_cast<std::int32_t*>(head + 4 * 64)[lane] = static_cast<std::int32_t>(folded_bias(problem, out_channel));
    reinterpret_cast<float*>(head + 5 * 64)[lane] = problem.multiplier[out_channel];
  }
  for (int p = 0; p < kByteWinogradPositions; ++p) {
    const std::int8_t* const of_position = w + p * position_elems;
    if (adds_words) {
      reinterpret_cast<std::int64_t*>(panel)[p] = choose_run({of_position, 16, 1, plan.channels}, largest).steps;
    }
    if (plan.expands) continue;
    std::byte* const to = panel + plan.head_bytes + p * plan.position_bytes + kByteWinogradPositionHead + vector * 64;
    for (int c = 0; c < 16; ++c) {
      place_weights(plan, of_position + c * plan.channels, plan.channels, to + std::int64_t{place_in_panel(c)} * 4);
    }
  }
}

// Swaps the middle two quarters of each 64 bytes, see load_weights.
void swap_quarters(std::int8_t* bytes, std::int64_t count) {
  for (; count > 0; count -= 64, bytes += 64) {
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16));
    std::memcpy(bytes + 16, bytes + 32, 16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 32), second);
  }
}

// One tap of all channels of a panel, from output channel `first` on. `bytes` holds plan.weight_bytes() bytes.
void pack_tap(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::int64_t first, int tap,
              std::int8_t* bytes, std::byte* to) {
  const std::int64_t in_c = problem.shape.in_c;
  std::memset(bytes, 0, static_cast<std::size_t>(plan.weight_bytes()));
  for (std::int64_t c = 0; c < 16 * plan.vectors && first + c < problem.shape.out_c; ++c) {
    place_weights(
        plan, problem.weights + ((first + c) * kTaps + tap) * in_c, in_c,
        reinterpret_cast<std::byte*>(bytes) + c / 16 * 64 + std::int64_t{place_in_panel(static_cast<int>(c % 16))} * 4);
  }
  if (plan.storage.bits == 4) swap_quarters(bytes, plan.weight_bytes());
  store_units(plan.storage, bytes, plan.weight_bytes() / kUnit, to);
}

}  // namespace

void pack_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format, std::byte* packed) {
  const ByteWinogradPlan plan = plan_byte_winograd(problem, format);
  std::memset(packed, 0, static_cast<std::size_t>(kByteWinogradZeros + plan.panels * plan.panel_bytes));
  // Not a std::vector: the program must not contain copies of its functions that were compiled for this ISA.
  std::int8_t* const w = new std::int8_t[static_cast<std::size_t>(kByteWinogradPositions * 16 * plan.channels)];
  std::byte* panel = packed + kByteWinogradZeros;
  for (std::int64_t p = 0; p < plan.panels; ++p, panel += plan.panel_bytes) {
    for (std::int64_t vector = 0; vector < plan.vectors; ++vector) {
      const std::int64_t channel = (p * plan.vectors + vector) * 16;
      if (channel >= problem.shape.out_c) break;
      pack_vector(problem, plan, static_cast<int>(channel), vector, format.adds_words, w, panel);
    }
    for (int tap = 0; plan.expands && tap < kTaps; ++tap) {
      pack_tap(problem, plan, p * plan.vectors * 16, tap, w, panel + plan.head_bytes + tap * plan.tap_bytes());
    }
  }
  delete[] w;
}

}  // namespace narrow::kernels::avx2
