#include "kernels/pool.h"

#include "kernels/neon/elementwise/round_and_clamp_neon.h"
#include "kernels/neon/families_neon.h"
#include "kernels/neon/shared/window_neon.h"

namespace narrow::kernels::neon {
namespace {

// The window of an output pixel.
struct Window {
  const std::uint8_t* image;
  std::int64_t y, x;  // its top left corner
  WindowPart inside;
};

// visit(window, index of the output pixel's first channel) for every output pixel of the rows.
template <class Visit>
NARROW_INLINE void for_each_window(const PoolShape& s, const std::uint8_t* input, std::int64_t row_begin,
                                   std::int64_t row_end, const Visit& visit) {
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const std::uint8_t* const image = input + row / s.out_h * s.in_h * s.in_w * s.channels;
    const std::int64_t y = row % s.out_h * s.stride_h - s.pad.top;
    for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
      const std::int64_t x = ox * s.stride_w - s.pad.left;
      visit(Window{image, y, x, part_inside(s, y, x)}, (row * s.out_w + ox) * s.channels);
    }
  }
}

// visit(address of channel `channel` of the pixel) for every pixel of the window inside the image.
template <class Visit>
NARROW_INLINE void for_each_pixel(const PoolShape& s, const Window& window, std::int64_t channel, const Visit& visit) {
  for (std::int64_t kh = window.inside.row_begin; kh < window.inside.row_end; ++kh) {
    const std::int64_t line = (window.y + kh * s.dilation_h) * s.in_w;
    for (std::int64_t kw = window.inside.column_begin; kw < window.inside.column_end; ++kw) {
      visit(window.image + (line + window.x + kw * s.dilation_w) * s.channels + channel);
    }
  }
}

void max_pool_u8_16_neon(const MaxPoolArgs& args) {
  const PoolShape& s = args.shape;
  for_each_window(s, args.input, args.row_begin, args.row_end, [&](const Window& window, std::int64_t at) {
    std::int64_t c = 0;
    for (; c + 16 <= s.channels; c += 16) {
      uint8x16_t best = vdupq_n_u8(0);
      for_each_pixel(s, window, c, [&](const std::uint8_t* x) { best = vmaxq_u8(best, vld1q_u8(x)); });
      vst1q_u8(args.output + at + c, best);
    }
    for (; c < s.channels; c += kLanes) {
      const std::int64_t left = s.channels - c;
      uint8x8_t best = vdup_n_u8(0);
      for_each_pixel(s, window, c, [&](const std::uint8_t* x) { best = vmax_u8(best, load_some(x, left)); });
      store_some(best, args.output + at + c, left);
    }
  });
}

// The sums of 8 channels. Those of 16 bits are added to those of 32 before they can overflow: 256 * 255 fits.
struct PixelSums {
  static constexpr int kMost = 256;
  uint16x8_t words = vdupq_n_u16(0);
  uint32x4_t low = vdupq_n_u32(0);
  uint32x4_t high = vdupq_n_u32(0);
  int count = 0;

  void add(uint8x8_t x) {
    words = vaddw_u8(words, x);
    if (++count == kMost) widen();
  }
  void widen() {
    low = vaddw_u16(low, vget_low_u16(words));
    high = vaddw_high_u16(high, words);
    words = vdupq_n_u16(0);
    count = 0;
  }
};

// The positions k in [0, kernel) with begin <= at + k < end.
std::int64_t count_within(std::int64_t at, std::int64_t kernel, std::int64_t begin, std::int64_t end) {
  const std::int64_t first = at > begin ? at : begin;
  const std::int64_t last = at + kernel < end ? at + kernel : end;
  return last > first ? last - first : 0;
}

void average_pool_u8_8_neon(const AveragePoolArgs& args) {
  const PoolShape& s = args.shape;
  const Quantization& from = args.input_quantization;
  const Quantization& to = args.output_quantization;
  const Rounding how(to.zero_point, to.range);
  for_each_window(s, args.input, args.row_begin, args.row_end, [&](const Window& window, std::int64_t at) {
    const std::int64_t inside = window.inside.count();
    const std::int64_t padded = count_within(window.y, s.kernel_h, -s.pad.top, std::int64_t{s.in_h} + s.pad.bottom) *
                                count_within(window.x, s.kernel_w, -s.pad.left, std::int64_t{s.in_w} + s.pad.right);
    const auto count = static_cast<std::int32_t>(args.count_include_pad ? padded : inside);
    const float32x4_t multiplier = vdupq_n_f32(static_cast<float>(double{from.scale} / (double{to.scale} * count)));
    const int32x4_t zero_points = vdupq_n_s32(static_cast<std::int32_t>(inside * from.zero_point));
    for (std::int64_t c = 0; c < s.channels; c += kLanes) {
      const std::int64_t left = s.channels - c;
      PixelSums sums;
      for_each_pixel(s, window, c, [&](const std::uint8_t* x) { sums.add(load_some(x, left)); });
      sums.widen();
      const Integers all{vreinterpretq_s32_u32(sums.low), vreinterpretq_s32_u32(sums.high)};
      store_some(rounded(how, times(floats_of(minus(all, zero_points)), multiplier)), args.output + at + c, left);
    }
  });
}

constexpr PoolKernels kPool{"max_pool_u8_16_neon", max_pool_u8_16_neon, "average_pool_u8_8_neon",
                            average_pool_u8_8_neon};

}  // namespace

const PoolKernels* pool() { return &kPool; }

}  // namespace narrow::kernels::neon
