// winograd_u8_2x2_avx512vnni: winograd_u8_2x2_avx2 with vpdpbusd, which adds in 32 bits.
#include "kernels/avx2/winograd_bytes_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

constexpr avx2::ByteWinogradFormat kFormat{.vectors = 4, .tiles = 42, .adds_words = false};

double cost(const ConvolutionProblem& problem) {
  return avx2::byte_winograd_cost(problem, kFormat, {.step = 0.55, .row = 2, .input = 20, .output = 35});
}

int channel_step(const ConvolutionProblem& problem) {
  return static_cast<int>(16 * avx2::plan_byte_winograd(problem.shape, kFormat).vectors);
}

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const avx2::ByteWinogradPlan plan = avx2::plan_byte_winograd(problem.shape, kFormat);
  return static_cast<std::size_t>(avx2::kByteWinogradZeros + plan.panels * plan.panel_bytes);
}

void pack(const ConvolutionProblem& problem, std::byte* packed) { avx2::pack_byte_winograd(problem, kFormat, packed); }

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(avx2::plan_byte_winograd(problem.shape, kFormat).workspace_bytes);
}

void multiply(const avx2::ByteWinogradProducts& in) {
  const std::int64_t offset = 0;
  vnni::TileInput input{in.rows, &offset, 1, in.depth, in.shift, in.zeros, in.head + avx2::kByteWinogradPositionHead};
  vnni::TileOutput output{nullptr, 0, in.m, 0, 0, 0};
  // Tiles of about one size rather than full ones and a tiny one.
  const std::int64_t most = most_pixels(in.vectors);
  std::int64_t rows = in.tiles;
  for (std::int64_t left = (rows + most - 1) / most; left > 0; --left) {
    const std::int64_t now = (rows + left - 1) / left;
    tile_u8(in.vectors, now)(input, output);
    input.windows += now;
    output.acc += now * in.vectors * 16;
    rows -= now;
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  avx2::run_byte_winograd(problem, kFormat, packed, input, output, part, workspace, multiply);
}

}  // namespace

const ConvolutionKernel kWinogradU8{"winograd_u8_2x2_avx512vnni",
                                    Isa::kAvx512Vnni,
                                    avx2::accepts_byte_winograd,
                                    cost,
                                    channel_step,
                                    packed_bytes,
                                    pack,
                                    workspace_bytes,
                                    run,
                                    avx2::kByteWinogradOutputs};

}  // namespace narrow::kernels::avx512vnni
