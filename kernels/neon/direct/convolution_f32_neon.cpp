// convolution_f32_neon: lanes are output channels. Therefore each channel adds in the order of the reference: the bias,
// then kh, kw, ic ascending, with product and sum rounded separately. Taps in the padding are skipped, because a
// product of 0 and an infinite weight is NaN. A tile is 4 neighbouring output pixels of a row x 16 channels; all of its
// pixels read the same taps.
// Packed: for each group, each panel of 16 channels: bias[16], weights[kernel_h][kernel_w][group_in][16].
#include <arm_neon.h>

#include <cstring>

#include "kernels/neon/families_neon.h"
#include "kernels/neon/shared/window_neon.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::neon {
namespace {

constexpr int kPixels = 4;
constexpr int kChannels = 16;

std::int64_t group_panels(const ConvolutionShape& s) { return (s.group_out() + kChannels - 1) / kChannels; }
std::int64_t panel_floats(const ConvolutionShape& s) { return kChannels * (1 + s.depth()); }

bool accepts(const ConvolutionF32Problem&) { return true; }

std::size_t packed_bytes(const ConvolutionF32Problem& p) {
  return static_cast<std::size_t>(p.shape.groups * group_panels(p.shape) * panel_floats(p.shape)) * sizeof(float);
}

void pack(const ConvolutionF32Problem& p, std::byte* packed) {
  const ConvolutionShape& s = p.shape;
  std::memset(packed, 0, packed_bytes(p));
  for (int c = 0; c < s.out_c; ++c) {
    const int in_group = c % s.group_out();
    const std::int64_t panel = c / s.group_out() * group_panels(s) + in_group / kChannels;
    float* const lane = reinterpret_cast<float*>(packed) + panel * panel_floats(s) + in_group % kChannels;
    *lane = p.bias[c];
    const float* const weights = p.weights + c * s.depth();
    for (std::int64_t k = 0; k < s.depth(); ++k) lane[(k + 1) * kChannels] = weights[k];
  }
}

struct Sixteen {
  float32x4_t a, b, c, d;
};
NARROW_INLINE Sixteen load_sixteen(const float* from) {
  return {vld1q_f32(from), vld1q_f32(from + 4), vld1q_f32(from + 8), vld1q_f32(from + 12)};
}
// Two instructions for each product: one would round once.
NARROW_INLINE void add_products(Sixteen& sums, float x, const Sixteen& weights) {
  sums.a = vaddq_f32(sums.a, vmulq_n_f32(weights.a, x));
  sums.b = vaddq_f32(sums.b, vmulq_n_f32(weights.b, x));
  sums.c = vaddq_f32(sums.c, vmulq_n_f32(weights.c, x));
  sums.d = vaddq_f32(sums.d, vmulq_n_f32(weights.d, x));
}

// As std::min and std::max have it for equal values and NaN.
NARROW_INLINE float32x4_t clamped(float32x4_t value, const Clamp& clamp) {
  const float32x4_t lo = vdupq_n_f32(clamp.lo);
  const float32x4_t hi = vdupq_n_f32(clamp.hi);
  const float32x4_t above = vbslq_f32(vcltq_f32(value, lo), lo, value);
  return vbslq_f32(vcltq_f32(hi, above), hi, above);
}
void store(const Sixteen& sums, const Clamp& clamp, int channels, float* to) {
  float all[kChannels];
  vst1q_f32(all, clamped(sums.a, clamp));
  vst1q_f32(all + 4, clamped(sums.b, clamp));
  vst1q_f32(all + 8, clamped(sums.c, clamp));
  vst1q_f32(all + 12, clamped(sums.d, clamp));
  std::memcpy(to, all, static_cast<std::size_t>(channels) * sizeof(float));
}

// at: the index of tap (0, 0) of the first pixel in the image. That tap may lie outside.
template <int kCount>
[[gnu::noinline]] void tile(const ConvolutionF32Problem& p, const WindowPart& taps, const float* image, std::int64_t at,
                            const float* panel, int channels, float* output) {
  const ConvolutionShape& s = p.shape;
  Sixteen s0 = load_sixteen(panel);
  Sixteen s1 = s0, s2 = s0, s3 = s0;
  const std::int64_t step = std::int64_t{s.stride_w} * s.in_c;
  for (std::int64_t kh = taps.row_begin; kh < taps.row_end; ++kh) {
    for (std::int64_t kw = taps.column_begin; kw < taps.column_end; ++kw) {
      const float* x = image + (at + (kh * s.dilation_h * s.in_w + kw * s.dilation_w) * s.in_c);
      const float* w = panel + kChannels + (kh * s.kernel_w + kw) * s.group_in() * kChannels;
      for (int i = 0; i < s.group_in(); ++i, ++x, w += kChannels) {
        const Sixteen weights = load_sixteen(w);
        add_products(s0, *x, weights);
        if constexpr (kCount > 1) {
          add_products(s1, x[step], weights);
          add_products(s2, x[2 * step], weights);
          add_products(s3, x[3 * step], weights);
        }
      }
    }
  }
  store(s0, p.clamp, channels, output);
  if constexpr (kCount > 1) {
    store(s1, p.clamp, channels, output + s.out_c);
    store(s2, p.clamp, channels, output + 2 * std::int64_t{s.out_c});
    store(s3, p.clamp, channels, output + 3 * std::int64_t{s.out_c});
  }
}

void run(const ConvolutionF32Problem& p, const std::byte* packed, const float* input, float* output,
         std::int64_t row_begin, std::int64_t row_end) {
  const ConvolutionShape& s = p.shape;
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const float* const image = input + row / s.out_h * s.in_h * s.in_w * s.in_c;
    const std::int64_t y = row % s.out_h * s.stride_h - s.pad.top;
    for (std::int64_t ox = 0; ox < s.out_w;) {
      const std::int64_t x = ox * s.stride_w - s.pad.left;
      const WindowPart taps = part_inside(s, y, x);
      const bool whole = ox + kPixels <= s.out_w && columns_inside(s, x, kPixels);
      const auto* panel = reinterpret_cast<const float*>(packed);
      for (int group = 0; group < s.groups; ++group) {
        const std::int64_t at = (y * s.in_w + x) * s.in_c + std::int64_t{group} * s.group_in();
        for (int c = 0; c < s.group_out(); c += kChannels, panel += panel_floats(s)) {
          const int channels = s.group_out() - c < kChannels ? s.group_out() - c : kChannels;
          float* const to = output + (row * s.out_w + ox) * s.out_c + group * s.group_out() + c;
          (whole ? tile<kPixels> : tile<1>)(p, taps, image, at, panel, channels, to);
        }
      }
      ox += whole ? kPixels : 1;
    }
  }
}

}  // namespace

const ConvolutionF32Kernel kConvolutionF32{"convolution_f32_neon", Isa::kNeon, accepts, packed_bytes, pack, run};

}  // namespace narrow::kernels::neon
