// The reference of the float convolution. The order of its additions is the contract.
#include <algorithm>

#include "kernels/scalar/families_scalar.h"

namespace narrow::kernels::scalar {
namespace {

bool accepts(const ConvolutionF32Problem&) { return true; }
std::size_t no_bytes(const ConvolutionF32Problem&) { return 0; }
void pack_nothing(const ConvolutionF32Problem&, std::byte*) {}

float accumulate(const ConvolutionF32Problem& p, const float* image, int oy, int ox, int c) {
  const ConvolutionShape& s = p.shape;
  const int first_channel = c / s.group_out() * s.group_in();
  float acc = p.bias[c];
  for (int kh = 0; kh < s.kernel_h; ++kh) {
    for (int kw = 0; kw < s.kernel_w; ++kw) {
      const std::int64_t y = std::int64_t{oy} * s.stride_h - s.pad.top + std::int64_t{kh} * s.dilation_h;
      const std::int64_t x = std::int64_t{ox} * s.stride_w - s.pad.left + std::int64_t{kw} * s.dilation_w;
      if (y < 0 || y >= s.in_h || x < 0 || x >= s.in_w) continue;
      const float* pixel = image + (y * s.in_w + x) * s.in_c + first_channel;
      const float* weight = p.weights + ((std::int64_t{c} * s.kernel_h + kh) * s.kernel_w + kw) * s.group_in();
      for (int i = 0; i < s.group_in(); ++i) acc = acc + pixel[i] * weight[i];
    }
  }
  return acc;
}

void run(const ConvolutionF32Problem& p, const std::byte*, const float* input, float* output, std::int64_t row_begin,
         std::int64_t row_end) {
  const ConvolutionShape& s = p.shape;
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const float* image = input + row / s.out_h * s.in_h * s.in_w * s.in_c;
    for (int ox = 0; ox < s.out_w; ++ox) {
      for (int c = 0; c < s.out_c; ++c) {
        const float acc = accumulate(p, image, static_cast<int>(row % s.out_h), ox, c);
        output[(row * s.out_w + ox) * s.out_c + c] = std::min(std::max(acc, p.clamp.lo), p.clamp.hi);
      }
    }
  }
}

constexpr ConvolutionF32Kernel kReference{"convolution_f32_scalar", Isa::kScalar, accepts, no_bytes, pack_nothing, run};

}  // namespace

const ConvolutionF32Kernel* const* convolution_f32_list(std::size_t* count) {
  static constexpr const ConvolutionF32Kernel* kList[] = {&kReference};
  *count = 1;
  return kList;
}

}  // namespace narrow::kernels::scalar
