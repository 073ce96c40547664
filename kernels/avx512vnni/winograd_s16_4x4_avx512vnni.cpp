// winograd_s16_4x4_avx512vnni: winograd_s16_4x4_avx2 with vpdpwssd, which multiplies and adds pairs of words. 16 output
// channels are one register. Therefore a tile has up to 12 rows of U. Each pair of words of a row is broadcast from
// memory.
#include <immintrin.h>

#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/avx512vnni/winograd_s16_transforms_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::Acc;

constexpr int kRows = 12;

NARROW_INLINE void step(__m512i& acc, const std::byte* u, __m512i w) {
  struct [[gnu::packed, gnu::may_alias]] Pair {
    std::byte bytes[4];
  };
  __asm__ volatile("vpdpwssd %1%{1to16%}, %2, %0" : "+v"(acc) : "m"(*reinterpret_cast<const Pair*>(u)), "v"(w));
}

// Nested structs instead of arrays, because g++ 12 keeps arrays of vectors on the stack.
template <int kCount>
struct Sums {
  __m512i first;
  Sums<kCount - 1> rest;
};
template <>
struct Sums<0> {};

template <int kCount>
NARROW_INLINE void begin(Sums<kCount>& sums, bool adds, const __m512i* m) {
  sums.first = adds ? _mm512_load_si512(m) : _mm512_setzero_si512();
  if constexpr (kCount > 1) begin(sums.rest, adds, m + 1);
}
// The rows from kRow on. Three pointers reach four rows each.
template <int kRow, int kCount>
NARROW_INLINE void step_all(Sums<kCount>& sums, const std::byte* const (&u)[3], std::int64_t row_bytes, __m512i w) {
  step(sums.first, u[kRow / 4] + kRow % 4 * row_bytes, w);
  if constexpr (kCount > 1) step_all<kRow + 1>(sums.rest, u, row_bytes, w);
}
template <int kCount>
NARROW_INLINE void end(const Sums<kCount>& sums, __m512i* m) {
  _mm512_store_si512(m, sums.first);
  if constexpr (kCount > 1) end(sums.rest, m + 1);
}

template <int kCount>
[[gnu::noinline]] void tile(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, const std::byte* w,
                            bool adds, Acc* m) {
  __m512i* const sums_at = reinterpret_cast<__m512i*>(m);
  Sums<kCount> sums;
  begin(sums, adds, sums_at);
  const std::byte* rows[3] = {u, u + 4 * row_bytes, u + 8 * row_bytes};
  for (const std::byte* const last = u + u_bytes; rows[0] != last; w += 64) {
    step_all<0>(sums, rows, row_bytes, _mm512_load_si512(w));
    rows[0] += 4;
    if constexpr (kCount > 4) rows[1] += 4;
    if constexpr (kCount > 8) rows[2] += 4;
  }
  end(sums, sums_at);
}

using TileFunction = void (*)(const std::byte*, std::int64_t, std::int64_t, const std::byte*, bool, Acc*);
constexpr TileFunction kTiles[kRows] = {tile<1>, tile<2>, tile<3>, tile<4>,  tile<5>,  tile<6>,
                                        tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>};

void multiply(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, std::int64_t rows, const std::byte* w,
              bool adds, Acc* m) {
  // Tiles of nearly equal size, because full tiles and a tiny one would take longer.
  for (std::int64_t left = (rows + kRows - 1) / kRows; left > 0; --left) {
    const std::int64_t now = (rows + left - 1) / left;
    kTiles[now - 1](u, row_bytes, u_bytes, w, adds, m);
    u += now * row_bytes;
    m += now;
    rows -= now;
  }
}

constexpr avx2::WinogradFunctions kFunctions{multiply, transform_winograd_columns, transform_winograd_row,
                                             transform_winograd_weights, transform_winograd_output};

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
    .workspace_bytes = avx2::winograd_workspace_bytes,
    .run = run,
    .row_step = avx2::kWinogradOutputs,
};

}  // namespace narrow::kernels::avx512vnni
