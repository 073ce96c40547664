// The reference: law for every other convolution kernel. Slow and obvious; never optimised.
#include <algorithm>
#include <cmath>

#include "kernels/scalar/convolution_scalar.h"

namespace narrow::kernels::scalar {
namespace {

bool accepts(const ConvolutionProblem&) { return true; }
std::size_t no_bytes(const ConvolutionProblem&) { return 0; }
void pack_nothing(const ConvolutionProblem&, std::byte*) {}

// acc[c] at output pixel (oy, ox) of one picture.
std::int32_t accumulate(const ConvolutionProblem& p, const std::uint8_t* picture, int oy, int ox, int c) {
  const ConvolutionShape& s = p.shape;
  const int first_channel = c / s.group_out() * s.group_in();
  std::int32_t acc = p.bias[c];
  for (int kh = 0; kh < s.kernel_h; ++kh) {
    for (int kw = 0; kw < s.kernel_w; ++kw) {
      const std::int64_t y = std::int64_t{oy} * s.stride_h - s.pad.top + std::int64_t{kh} * s.dilation_h;
      const std::int64_t x = std::int64_t{ox} * s.stride_w - s.pad.left + std::int64_t{kw} * s.dilation_w;
      if (y < 0 || y >= s.in_h || x < 0 || x >= s.in_w) continue;
      const std::uint8_t* pixel = picture + (y * s.in_w + x) * s.in_c + first_channel;
      const std::int8_t* weight = p.weights + ((std::int64_t{c} * s.kernel_h + kh) * s.kernel_w + kw) * s.group_in();
      for (int i = 0; i < s.group_in(); ++i) acc += (pixel[i] - p.input_zero_point) * weight[i];
    }
  }
  return acc;
}

std::uint8_t requantize(float product, std::int32_t zero_point, const QRange& range) {
  // In double, so that neither a huge product nor the zero point is rounded a second time.
  const double q = static_cast<double>(std::nearbyint(product)) + zero_point;
  return static_cast<std::uint8_t>(std::clamp(q, static_cast<double>(range.lo), static_cast<double>(range.hi)));
}

void run(const ConvolutionProblem& p, const std::byte*, const std::uint8_t* input, void* output, std::int64_t row_begin,
         std::int64_t row_end, std::byte*) {
  const ConvolutionShape& s = p.shape;
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const std::uint8_t* picture = input + row / s.out_h * s.in_h * s.in_w * s.in_c;
    const int oy = static_cast<int>(row % s.out_h);
    for (int ox = 0; ox < s.out_w; ++ox) {
      for (int c = 0; c < s.out_c; ++c) {
        const float product = static_cast<float>(accumulate(p, picture, oy, ox, c)) * p.multiplier[c];
        const std::int64_t at = (row * s.out_w + ox) * s.out_c + c;
        if (p.output_type == OutputType::kUint8) {
          static_cast<std::uint8_t*>(output)[at] = requantize(product, p.output_zero_point, p.output_range);
        } else {
          static_cast<float*>(output)[at] = std::min(std::max(product, p.output_clamp.lo), p.output_clamp.hi);
        }
      }
    }
  }
}

constexpr ConvolutionKernel kReference{"convolution_scalar", Isa::kScalar, accepts, no_bytes,
                                       pack_nothing,         no_bytes,     run};

}  // namespace

const ConvolutionKernel* const* convolution_list(std::size_t* count) {
  static constexpr const ConvolutionKernel* kList[] = {&kReference};
  *count = 1;
  return kList;
}

}  // namespace narrow::kernels::scalar
