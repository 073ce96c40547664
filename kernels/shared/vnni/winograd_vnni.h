// What Winograd's F(2x2, 3x3) in bytes of AVX-VNNI and AVX512-VNNI share: everything except the tiles. vpdpbusd adds in
// 32 bits. See kernels/avx2/shared/winograd_u8_2x2_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_u8_2x2_avx2.h"
#include "kernels/avx2/shared/winograd_u8_2x2_weights_avx2.h"
#include "kernels/convolution.h"
#include "kernels/shared/vnni/tile_vnni.h"

namespace narrow::kernels::vnni {

// The functions of a ConvolutionKernel. Tiles: see Convolution of convolution_vnni.h.
template <class Tiles>
struct ByteWinograd {
  static constexpr std::int64_t kVectorsOf16 = 16 / Tiles::kLanes;  // of the ISA, for 16 channels
  static constexpr avx2::ByteWinogradFormat kFormat{
      .vectors = Tiles::kMaxVectors / kVectorsOf16, .tiles = 56, .adds_words = false};

  static double estimate(const ConvolutionProblem& problem) {
    costs::ByteWinograd costs = problem.costs->*Tiles::kWinogradCosts;
    costs.step *= kVectorsOf16;
    return avx2::byte_winograd_cost(problem, kFormat, costs);
  }

  static Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
    const Refusal refusal = avx2::refuse_byte_winograd(problem);
    return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
  }

  static int channel_step(const ConvolutionProblem& problem) {
    return static_cast<int>(16 * avx2::plan_byte_winograd(problem, kFormat).vectors);
  }

  static std::size_t packed_bytes(const ConvolutionProblem& problem) {
    const avx2::ByteWinogradPlan plan = avx2::plan_byte_winograd(problem, kFormat);
    return static_cast<std::size_t>(avx2::kByteWinogradZeros + plan.panels * plan.panel_bytes);
  }

  static void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
    avx2::pack_byte_winograd(problem, kFormat, packed);
  }

  static std::size_t workspace_bytes(const ConvolutionProblem& problem) {
    return static_cast<std::size_t>(avx2::plan_byte_winograd(problem, kFormat).workspace_bytes);
  }

  static void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace) {
    avx2::run_byte_winograd(problem, kFormat, packed, input, output, part, workspace,
                            {multiply, avx2::transform_byte_weights});
  }

  static void multiply(const avx2::ByteWinogradProducts& in) {
    const std::int64_t offset = 0;
    const std::int64_t vectors = in.vectors * kVectorsOf16;
    TileInput input{in.rows, &offset, 1, in.depth, in.shift, in.zeros, in.head + avx2::kByteWinogradPositionHead,
                    in.ahead};
    WeightsAhead ahead{in.ahead, in.ahead_bytes};
    TileOutput output{nullptr, 0, in.m, 0, 0, 0};
    // Tiles of nearly equal size, because full tiles and a tiny one would take longer.
    const std::int64_t most = Tiles::max_pixels(vectors);
    std::int64_t rows = in.tiles;
    for (std::int64_t left = (rows + most - 1) / most; left > 0; --left) {
      const std::int64_t now = (rows + left - 1) / left;
      input.ahead = ahead.take(in.depth / 4);
      Tiles::tile(vectors, now)(input, output);
      input.windows += now;
      output.acc += now * in.vectors * 16;
      rows -= now;
    }
  }

  // The kernel of the functions above.
  static constexpr ConvolutionKernel kernel(const char* name, Isa isa, InstructionMix mix) {
    return {.name = name,
            .isa = isa,
            .mix = mix,
            .estimate = estimate,
            .offer = offer,
            .channel_step = channel_step,
            .packed_bytes = packed_bytes,
            .pack = pack,
            .workspace_bytes = workspace_bytes,
            .run = run,
            .row_step = avx2::kByteWinogradOutputs};
  }
};

}  // namespace narrow::kernels::vnni
