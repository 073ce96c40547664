#include "kernels/scalar/families_scalar.h"

#include "kernels/scalar/rounding_scalar.h"

namespace narrow::kernels::scalar {
namespace {

// Calls visit(y, x, output_pixel) for every output pixel of the rows. (y, x) is the top left corner of its window.
template <class Visit>
void for_each_output(const PoolShape& shape, std::int64_t row_begin, std::int64_t row_end, Visit visit) {
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const std::int64_t y = row % shape.out_h * shape.stride_h - shape.pad.top;
    for (std::int64_t ox = 0; ox < shape.out_w; ++ox) {
      visit(row / shape.out_h, y, ox * shape.stride_w - shape.pad.left, row * shape.out_w + ox);
    }
  }
}

bool inside(std::int64_t value, std::int64_t begin, std::int64_t end) { return value >= begin && value < end; }

void max_pool_u8_scalar(const MaxPoolArgs& args) {
  const PoolShape& s = args.shape;
  const auto pool_pixel = [&](std::int64_t n, std::int64_t top, std::int64_t left, std::int64_t pixel) {
    for (std::int64_t c = 0; c < s.channels; ++c) {
      std::uint8_t best = 0;
      for (std::int64_t kh = 0; kh < s.kernel_h; ++kh) {
        for (std::int64_t kw = 0; kw < s.kernel_w; ++kw) {
          const std::int64_t y = top + kh * s.dilation_h;
          const std::int64_t x = left + kw * s.dilation_w;
          if (!inside(y, 0, s.in_h) || !inside(x, 0, s.in_w)) continue;
          const std::uint8_t value = args.input[((n * s.in_h + y) * s.in_w + x) * s.channels + c];
          if (value > best) best = value;
        }
      }
      args.output[pixel * s.channels + c] = best;
    }
  };
  for_each_output(s, args.row_begin, args.row_end, pool_pixel);
}

void average_pool_u8_scalar(const AveragePoolArgs& args) {
  const PoolShape& s = args.shape;
  const Quantization& from = args.input_quantization;
  const Quantization& to = args.output_quantization;
  const auto pool_pixel = [&](std::int64_t n, std::int64_t top, std::int64_t left, std::int64_t pixel) {
    for (std::int64_t c = 0; c < s.channels; ++c) {
      std::int32_t sum = 0;
      std::int32_t count = 0;
      for (std::int64_t y = top; y < top + s.kernel_h; ++y) {
        for (std::int64_t x = left; x < left + s.kernel_w; ++x) {
          const bool in_image = inside(y, 0, s.in_h) && inside(x, 0, s.in_w);
          const bool in_padded = inside(y, -s.pad.top, std::int64_t{s.in_h} + s.pad.bottom) &&
                                 inside(x, -s.pad.left, std::int64_t{s.in_w} + s.pad.right);
          if (in_image || (args.count_include_pad && in_padded)) ++count;
          if (in_image) sum += args.input[((n * s.in_h + y) * s.in_w + x) * s.channels + c] - from.zero_point;
        }
      }
      const auto multiplier = static_cast<float>(double{from.scale} / (double{to.scale} * count));
      args.output[pixel * s.channels + c] =
          round_and_clamp(static_cast<float>(sum) * multiplier, to.zero_point, to.range);
    }
  };
  for_each_output(s, args.row_begin, args.row_end, pool_pixel);
}

constexpr PoolKernels kPool{"max_pool_u8_scalar", max_pool_u8_scalar, "average_pool_u8_scalar", average_pool_u8_scalar};

}  // namespace

const PoolKernels* pool() { return &kPool; }

}  // namespace narrow::kernels::scalar
