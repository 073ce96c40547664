#include "kernels/avxvnni/residual_sums_avxvnni.h"

#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"

namespace narrow::kernels::avxvnni {
namespace {

constexpr std::int64_t kLanes = 8;
constexpr std::int64_t kMostPixels = 16;

}  // namespace

// Two vectors are in the order of avx2::Acc. One is in the order of channels, which becomes that order here.
void store_residual_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums) {
  const avx2::OutputStage stage = avx2::output_stage(problem);
  const auto store = [&](const avx2::Acc* acc, const float* multiplier) {
    avx2::store_residual_sums(stage, acc, static_cast<int>(sums.pixels), multiplier, static_cast<int>(sums.channels),
                              sums.residual, sums.out);
  };
  if (sums.vectors == 2) return store(reinterpret_cast<const avx2::Acc*>(sums.acc), sums.multiplier);
  alignas(64) std::int32_t acc[kMostPixels][2 * kLanes] = {};
  alignas(64) float multiplier[2 * kLanes] = {};
  for (int c = 0; c < kLanes; c += 4) {
    const int place = avx2::place_in_panel(c);
    std::memcpy(multiplier + place, sums.multiplier + c, 4 * sizeof(float));
    for (std::int64_t i = 0; i < sums.pixels; ++i) {
      std::memcpy(acc[i] + place, sums.acc + i * kLanes + c, 4 * sizeof(std::int32_t));
    }
  }
  store(reinterpret_cast<const avx2::Acc*>(acc), multiplier);
}

}  // namespace narrow::kernels::avxvnni
