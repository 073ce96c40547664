// convolution_s8_4x16_neondot: kernels/neon/shared/direct_neon.h with `sdot`, which adds four products of signed bytes
// to a 32-bit sum. 128 is subtracted from each input byte, by flipping its highest bit, and the bias has what is
// missing. Tiles of 4 pixels x 16 channels.
#include "kernels/neon/shared/direct_neon.h"
#include "kernels/neondot/convolution_neondot.h"

namespace narrow::kernels::neondot {
namespace {

using neon::TileFunction;

// Nested structs instead of arrays, which compilers may keep on the stack.
struct Sixteen {
  int32x4_t a, b, c, d;
};
template <int kPixels>
struct Sums {
  Sixteen first;
  Sums<kPixels - 1> rest;
};
template <>
struct Sums<0> {};
// Sixteen input channels of each pixel.
template <int kPixels>
struct Inputs {
  int8x16_t first;
  Inputs<kPixels - 1> rest;
};
template <>
struct Inputs<0> {};
// Four input channels and 16 output channels.
struct Weights {
  int8x16_t a, b, c, d;
};

template <int kPixels>
NARROW_INLINE void set_all(Sums<kPixels>& sums, const Sixteen& bias) {
  sums.first = bias;
  if constexpr (kPixels > 1) set_all(sums.rest, bias);
}

NARROW_INLINE int8x16_t shifted(uint8x16_t bytes) { return vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80))); }

template <int kPixels>
NARROW_INLINE void load_sixteens(Inputs<kPixels>& inputs, const std::uint8_t* const* windows, std::int64_t at) {
  inputs.first = shifted(vld1q_u8(*windows + at));
  if constexpr (kPixels > 1) load_sixteens(inputs.rest, windows + 1, at);
}
template <int kPixels>
NARROW_INLINE void load_fours(Inputs<kPixels>& inputs, const std::uint8_t* const* windows, std::int64_t at) {
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, *windows + at, sizeof bytes);
  inputs.first = shifted(vreinterpretq_u8_u32(vdupq_n_u32(bytes)));
  if constexpr (kPixels > 1) load_fours(inputs.rest, windows + 1, at);
}

template <int kLane, int kPixels>
NARROW_INLINE void step(Sums<kPixels>& sums, const Inputs<kPixels>& inputs, const Weights& weights) {
  Sixteen& own = sums.first;
  own.a = vdotq_laneq_s32(own.a, weights.a, inputs.first, kLane);
  own.b = vdotq_laneq_s32(own.b, weights.b, inputs.first, kLane);
  own.c = vdotq_laneq_s32(own.c, weights.c, inputs.first, kLane);
  own.d = vdotq_laneq_s32(own.d, weights.d, inputs.first, kLane);
  // Keeps this order. Otherwise compilers load the weights of several steps at once and keep sums on the stack.
  __asm__ volatile("" : "+w"(own.a), "+w"(own.b), "+w"(own.c), "+w"(own.d));
  if constexpr (kPixels > 1) step<kLane>(sums.rest, inputs.rest, weights);
}
template <int kLane, int kPixels>
NARROW_INLINE void step(Sums<kPixels>& sums, const Inputs<kPixels>& inputs, const std::int8_t* weights) {
  const std::int8_t* from = weights + kLane * 64;
  __asm__ volatile("" : "+r"(from));
  step<kLane>(sums, inputs, Weights{vld1q_s8(from), vld1q_s8(from + 16), vld1q_s8(from + 32), vld1q_s8(from + 48)});
}

template <int kPixels>
NARROW_INLINE void store(const Sums<kPixels>& sums, std::int32_t* to) {
  vst1q_s32(to, sums.first.a);
  vst1q_s32(to + 4, sums.first.b);
  vst1q_s32(to + 8, sums.first.c);
  vst1q_s32(to + 12, sums.first.d);
  if constexpr (kPixels > 1) store(sums.rest, to + 16);
}

template <int kPixels>
[[gnu::noinline]] void tile(const std::uint8_t* const* windows, const std::byte* panel, std::int64_t depth,
                            std::int32_t* to) {
  Sums<kPixels> sums;
  const auto* const bias = reinterpret_cast<const std::int32_t*>(panel);
  set_all(sums, Sixteen{vld1q_s32(bias), vld1q_s32(bias + 4), vld1q_s32(bias + 8), vld1q_s32(bias + 12)});
  const auto* weights = reinterpret_cast<const std::int8_t*>(panel + 2 * 4 * 16);
  Inputs<kPixels> inputs;
  std::int64_t at = 0;
  for (; at + 16 <= depth; at += 16) {
    load_sixteens(inputs, windows, at);
    step<0>(sums, inputs, weights);
    step<1>(sums, inputs, weights);
    step<2>(sums, inputs, weights);
    step<3>(sums, inputs, weights);
    weights += 16 * 16;
  }
  for (; at < depth; at += 4) {
    load_fours(inputs, windows, at);
    step<0>(sums, inputs, weights);
    weights += 4 * 16;
  }
  store(sums, to);
}

struct Dot {
  static constexpr int kChannels = 16;
  static constexpr int kPixels = 4;
  static constexpr std::int64_t kInputShift = 128;
  static constexpr int kStepChannels = 4;
  static constexpr const costs::Panel& kCosts = costs::kConvolutionS8NeonDot;

  static std::int64_t index(std::int64_t depth, int channel) {
    return (depth / 4 * kChannels + channel) * 4 + depth % 4;
  }
  static TileFunction function(int pixels) {
    static constexpr TileFunction kTiles[kPixels] = {neondot::tile<1>, neondot::tile<2>, neondot::tile<3>,
                                                     neondot::tile<4>};
    return kTiles[pixels - 1];
  }
};

}  // namespace

const ConvolutionKernel kConvolutionS8 = neon::Direct<Dot>::kernel("convolution_s8_4x16_neondot", Isa::kNeonDot);

}  // namespace narrow::kernels::neondot
