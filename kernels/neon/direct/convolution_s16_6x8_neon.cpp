// convolution_s16_6x8_neon: kernels/neon/shared/direct_neon.h with products of 16-bit numbers, which `smlal` adds to
// 32-bit sums. Tiles of 6 pixels x 8 channels.
#include "kernels/neon/families_neon.h"
#include "kernels/neon/shared/direct_neon.h"

namespace narrow::kernels::neon {
namespace {

// Eight input channels of each pixel.
template <int kPixels>
struct Inputs {
  int16x8_t first;
  Inputs<kPixels - 1> rest;
};
template <>
struct Inputs<0> {};

NARROW_INLINE int16x8_t widened(uint8x8_t bytes) { return vreinterpretq_s16_u16(vmovl_u8(bytes)); }

template <int kPixels>
NARROW_INLINE void load_eights(Inputs<kPixels>& inputs, const std::uint8_t* const* windows, std::int64_t at) {
  inputs.first = widened(vld1_u8(*windows + at));
  if constexpr (kPixels > 1) load_eights(inputs.rest, windows + 1, at);
}
template <int kPixels>
NARROW_INLINE void load_fours(Inputs<kPixels>& inputs, const std::uint8_t* const* windows, std::int64_t at) {
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, *windows + at, sizeof bytes);
  inputs.first = widened(vcreate_u8(bytes));
  if constexpr (kPixels > 1) load_fours(inputs.rest, windows + 1, at);
}

// One input channel of all pixels. weights: of 8 output channels.
template <int kLane, int kPixels>
NARROW_INLINE void step(Sums<kPixels>& sums, const Inputs<kPixels>& inputs, int16x8_t weights) {
  sums.first.low = vmlal_laneq_s16(sums.first.low, vget_low_s16(weights), inputs.first, kLane);
  sums.first.high = vmlal_high_laneq_s16(sums.first.high, weights, inputs.first, kLane);
  if constexpr (kPixels > 1) step<kLane>(sums.rest, inputs.rest, weights);
}
template <int kLane, int kPixels>
NARROW_INLINE void two_steps(Sums<kPixels>& sums, const Inputs<kPixels>& inputs, const std::int8_t* weights) {
  const int8x16_t both = vld1q_s8(weights + kLane * kVectorChannels);
  step<kLane>(sums, inputs, vmovl_s8(vget_low_s8(both)));
  step<kLane + 1>(sums, inputs, vmovl_high_s8(both));
}

template <int kPixels>
NARROW_INLINE void store(const Sums<kPixels>& sums, std::int32_t* to) {
  vst1q_s32(to, sums.first.low);
  vst1q_s32(to + 4, sums.first.high);
  if constexpr (kPixels > 1) store(sums.rest, to + kVectorChannels);
}

template <int kPixels>
[[gnu::noinline]] void tile(const std::uint8_t* const* windows, const std::byte* panel, std::int64_t depth,
                            std::int32_t* to) {
  Sums<kPixels> sums;
  set_all(sums, load_eight(reinterpret_cast<const std::int32_t*>(panel)));
  const auto* weights = reinterpret_cast<const std::int8_t*>(panel + 2 * 4 * kVectorChannels);
  Inputs<kPixels> inputs;
  std::int64_t at = 0;
  for (; at + 8 <= depth; at += 8) {
    load_eights(inputs, windows, at);
    two_steps<0>(sums, inputs, weights);
    two_steps<2>(sums, inputs, weights);
    two_steps<4>(sums, inputs, weights);
    two_steps<6>(sums, inputs, weights);
    weights += 8 * kVectorChannels;
  }
  if (at < depth) {
    load_fours(inputs, windows, at);
    two_steps<0>(sums, inputs, weights);
    two_steps<2>(sums, inputs, weights);
  }
  store(sums, to);
}

struct Words {
  static constexpr int kChannels = kVectorChannels;
  static constexpr int kPixels = 6;
  static constexpr std::int64_t kInputShift = 0;
  static constexpr int kStepChannels = 1;
  static constexpr const costs::Panel& kCosts = costs::kConvolutionS16Neon;

  static std::int64_t index(std::int64_t depth, int channel) { return depth * kChannels + channel; }
  static TileFunction function(int pixels) {
    static constexpr TileFunction kTiles[kPixels] = {neon::tile<1>, neon::tile<2>, neon::tile<3>,
                                                     neon::tile<4>, neon::tile<5>, neon::tile<6>};
    return kTiles[pixels - 1];
  }
};

}  // namespace

const ConvolutionKernel kConvolutionS16 = Direct<Words>::kernel("convolution_s16_6x8_neon", Isa::kNeon);

}  // namespace narrow::kernels::neon
