// winograd_s16_4x4_avx512vnni: winograd_s16_4x4_avx2 with vpdpwssd, which multiplies and adds pairs of words. 16 output
// channels are one register. A tile has up to 14 rows of U and two panels, so that a pair of words that was broadcast
// from memory is used twice: loads would take longer than products.
#include <immintrin.h>

#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/winograd_s16_transforms_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::WinogradProducts;

constexpr int kPanels = 2;

// asm statements keep this order. Otherwise compilers would load several rows at once and spill.
NARROW_INLINE __m512i broadcast_pair(const std::byte* u) {
  struct [[gnu::packed, gnu::may_alias]] Pair {
    std::byte bytes[4];
  };
  __m512i x;
  __asm__ volatile("vpbroadcastd %1, %0" : "=v"(x) : "m"(*reinterpret_cast<const Pair*>(u)));
  return x;
}
NARROW_INLINE void step(__m512i& acc, __m512i x, __m512i w) {
  __asm__ volatile("vpdpwssd %1, %2, %0" : "+v"(acc) : "v"(x), "v"(w));
}

// Nested structs instead of arrays, because g++ 12 keeps arrays of vectors on the stack.
template <int kCount, int kVectors>
struct Sums {
  __m512i first, second;  // of two panels
  Sums<kCount - 1, kVectors> rest;
};
template <int kCount>
struct Sums<kCount, 1> {
  __m512i first;
  Sums<kCount - 1, 1> rest;
};
template <>
struct Sums<0, 1> {};
template <>
struct Sums<0, 2> {};

template <int kCount, int kVectors>
NARROW_INLINE void begin(Sums<kCount, kVectors>& sums, bool adds, const __m512i* m0, const __m512i* m1) {
  sums.first = adds ? _mm512_load_si512(m0) : _mm512_setzero_si512();
  if constexpr (kVectors > 1) sums.second = adds ? _mm512_load_si512(m1) : _mm512_setzero_si512();
  if constexpr (kCount > 1) begin(sums.rest, adds, m0 + 1, m1 + 1);
}
// The rows from kRow on. Four pointers reach four rows each.
template <int kRow, int kCount, int kVectors>
NARROW_INLINE void step_all(Sums<kCount, kVectors>& sums, const std::byte* const (&u)[4], std::int64_t row_bytes,
                            __m512i w0, __m512i w1) {
  const __m512i x = broadcast_pair(u[kRow / 4] + kRow % 4 * row_bytes);
  step(sums.first, x, w0);
  if constexpr (kVectors > 1) step(sums.second, x, w1);
  if constexpr (kCount > 1) step_all<kRow + 1>(sums.rest, u, row_bytes, w0, w1);
}
template <int kCount, int kVectors>
NARROW_INLINE void end(const Sums<kCount, kVectors>& sums, __m512i* m0, __m512i* m1) {
  _mm512_store_si512(m0, sums.first);
  if constexpr (kVectors > 1) _mm512_store_si512(m1, sums.second);
  if constexpr (kCount > 1) end(sums.rest, m0 + 1, m1 + 1);
}

// The first kCount rows of the products.
template <int kCount, int kVectors>
[[gnu::noinline]] void tile(const WinogradProducts& in) {
  __m512i* const m0 = reinterpret_cast<__m512i*>(in.m[0]);
  __m512i* const m1 = reinterpret_cast<__m512i*>(in.m[kVectors - 1]);
  Sums<kCount, kVectors> sums;
  begin(sums, in.adds, m0, m1);
  const std::int64_t row_bytes = in.row_bytes;
  const std::byte* rows[4] = {in.u, in.u + 4 * row_bytes, in.u + 8 * row_bytes, in.u + 12 * row_bytes};
  const std::byte* w0 = in.w[0];
  const std::byte* w1 = in.w[kVectors - 1];
  for (const std::byte* const last = in.u + in.u_bytes; rows[0] != last; w0 += 64, w1 += 64) {
    __builtin_prefetch(w0 + in.w_ahead);
    if constexpr (kVectors > 1) __builtin_prefetch(w1 + in.w_ahead);
    step_all<0>(sums, rows, row_bytes, _mm512_load_si512(w0), _mm512_load_si512(w1));
    rows[0] += 4;
    if constexpr (kCount > 4) rows[1] += 4;
    if constexpr (kCount > 8) rows[2] += 4;
    if constexpr (kCount > 12) rows[3] += 4;
  }
  end(sums, m0, m1);
}

constexpr int kRows = 14;
using TileFunction = void (*)(const WinogradProducts&);
template <int kVectors>
constexpr TileFunction kTiles[kRows] = {tile<1, kVectors>,  tile<2, kVectors>,  tile<3, kVectors>,  tile<4, kVectors>,
                                        tile<5, kVectors>,  tile<6, kVectors>,  tile<7, kVectors>,  tile<8, kVectors>,
                                        tile<9, kVectors>,  tile<10, kVectors>, tile<11, kVectors>, tile<12, kVectors>,
                                        tile<13, kVectors>, tile<14, kVectors>};

void multiply(const WinogradProducts& products) {
  WinogradProducts now = products;
  const TileFunction* const tiles = products.panels == kPanels ? kTiles<2> : kTiles<1>;
  // Tiles of nearly equal size, because full tiles and a tiny one would take longer.
  std::int64_t rows = products.rows;
  for (std::int64_t left = (rows + kRows - 1) / kRows; left > 0; --left) {
    const std::int64_t count = (rows + left - 1) / left;
    tiles[count - 1](now);
    now.u += count * now.row_bytes;
    now.m[0] += count;
    now.m[1] += count;
    rows -= count;
  }
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(avx2::plan_winograd(problem.shape, kPanels).workspace_bytes);
}

constexpr avx2::WinogradFunctions kFunctions{kPanels,
                                             multiply,
                                             transform_winograd_columns,
                                             transform_winograd_row,
                                             transform_winograd_weights,
                                             transform_winograd_output};

double estimate(const ConvolutionProblem& problem) {
  return avx2::winograd_cost(problem, problem.costs->winograd_s16_4x4_avx512vnni);
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = avx2::refuse_winograd(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  avx2::run_winograd(problem, packed, input, output, part, workspace, kFunctions);
}

}  // namespace

const ConvolutionKernel kWinogradS16{
    .name = "winograd_s16_4x4_avx512vnni",
    .isa = Isa::kAvx512Vnni,
    .mix = InstructionMix::kWideWords,
    .estimate = estimate,
    .offer = offer,
    .channel_step = avx2::winograd_channel_step,
    .packed_bytes = avx2::winograd_packed_bytes,
    .pack = avx2::pack_winograd_layer,
    .workspace_bytes = workspace_bytes,
    .run = run,
    .row_step = avx2::kWinogradOutputs,
};

}  // namespace narrow::kernels::avx512vnni
