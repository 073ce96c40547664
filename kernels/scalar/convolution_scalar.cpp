// The reference, which is normative for every other convolution kernel. It is slow and simple, and it is never
// optimised.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/costs.h"
#include "kernels/scalar/families_scalar.h"

namespace narrow::kernels::scalar {
namespace {

std::size_t no_bytes(const ConvolutionProblem&) { return 0; }
int channel_step(const ConvolutionProblem&) { return 1; }
double estimate(const ConvolutionProblem& p) {
  return p.costs->scalar_product * static_cast<double>(p.shape.depth()) * p.shape.out_h * p.shape.out_w * p.shape.out_c;
}

Offer offer(const ConvolutionProblem& p, std::int64_t*) { return {.cycles = estimate(p), .refusal = {}}; }

// Packed: bias, multipliers and weights, unchanged.
struct Packed {
  const std::int32_t* bias;
  const float* multiplier;
  const std::int8_t* weights;
};

std::size_t packed_bytes(const ConvolutionProblem& p) {
  return static_cast<std::size_t>(p.shape.out_c) *
         (sizeof(std::int32_t) + sizeof(float) + std::size_t(p.shape.depth()));
}

void pack(const ConvolutionProblem& p, const std::int64_t*, std::byte* packed) {
  const auto channels = static_cast<std::size_t>(p.shape.out_c);
  std::memcpy(packed, p.bias, channels * sizeof(std::int32_t));
  packed += channels * sizeof(std::int32_t);
  std::memcpy(packed, p.multiplier, channels * sizeof(float));
  packed += channels * sizeof(float);
  std::memcpy(packed, p.weights, channels * static_cast<std::size_t>(p.shape.depth()));
}

Packed unpack(const ConvolutionProblem& p, const std::byte* packed) {
  const auto* bias = reinterpret_cast<const std::int32_t*>(packed);
  const auto* multiplier = reinterpret_cast<const float*>(bias + p.shape.out_c);
  return {bias, multiplier, reinterpret_cast<const std::int8_t*>(multiplier + p.shape.out_c)};
}

// acc[c] at output pixel (oy, ox) of one image.
std::int32_t accumulate(const ConvolutionProblem& p, const Packed& packed, const std::uint8_t* image, int oy, int ox,
                        int c) {
  const ConvolutionShape& s = p.shape;
  const int first_channel = c / s.group_out() * s.group_in();
  std::int32_t acc = packed.bias[c];
  for (int kh = 0; kh < s.kernel_h; ++kh) {
    for (int kw = 0; kw < s.kernel_w; ++kw) {
      const std::int64_t y = std::int64_t{oy} * s.stride_h - s.pad.top + std::int64_t{kh} * s.dilation_h;
      const std::int64_t x = std::int64_t{ox} * s.stride_w - s.pad.left + std::int64_t{kw} * s.dilation_w;
      if (y < 0 || y >= s.in_h || x < 0 || x >= s.in_w) continue;
      const std::uint8_t* pixel = image + (y * s.in_w + x) * s.in_c + first_channel;
      const std::int8_t* weight =
          packed.weights + ((std::int64_t{c} * s.kernel_h + kh) * s.kernel_w + kw) * s.group_in();
      for (int i = 0; i < s.group_in(); ++i) acc += (pixel[i] - p.input_zero_point) * weight[i];
    }
  }
  return acc;
}

std::uint8_t requantize(float product, std::int32_t zero_point, const QRange& range) {
  // In double, so that neither a large product nor the addition of the zero point is rounded a second time.
  const double q = static_cast<double>(std::nearbyint(product)) + zero_point;
  return static_cast<std::uint8_t>(std::clamp(q, static_cast<double>(range.lo), static_cast<double>(range.hi)));
}

void run(const ConvolutionProblem& p, const std::byte* packed_bytes, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte*) {
  const ConvolutionShape& s = p.shape;
  const Packed packed = unpack(p, packed_bytes);
  for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
    const std::uint8_t* image = input + row / s.out_h * s.in_h * s.in_w * s.in_c;
    const int oy = static_cast<int>(row % s.out_h);
    for (int ox = 0; ox < s.out_w; ++ox) {
      for (int c = part.channel_begin; c < part.channel_end; ++c) {
        const float product = static_cast<float>(accumulate(p, packed, image, oy, ox, c)) * packed.multiplier[c];
        const std::int64_t at = (row * s.out_w + ox) * s.out_c + c;
        if (p.output_type == OutputType::kUint8) {
          static_cast<std::uint8_t*>(output)[at] = requantize(product, p.output_zero_point, p.output_range);
        } else if (p.output_type == OutputType::kResidualSum) {
          const ResidualSum& sum = p.residual;
          const float own = product * sum.sum_multiplier;
          const float other = static_cast<float>(part.residual[at] - sum.zero_point) * sum.multiplier;
          static_cast<std::uint8_t*>(output)[at] = requantize(own + other, p.output_zero_point, p.output_range);
        } else {
          static_cast<float*>(output)[at] = std::min(std::max(product, p.output_clamp.lo), p.output_clamp.hi);
        }
      }
    }
  }
}

constexpr ConvolutionKernel kReference{
    .name = "convolution_scalar",
    .isa = Isa::kScalar,
    .mix = InstructionMix::kNone,
    .estimate = estimate,
    .offer = offer,
    .channel_step = channel_step,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = no_bytes,
    .run = run,
};

}  // namespace

const ConvolutionKernel* const* convolution_list(std::size_t* count) {
  static constexpr const ConvolutionKernel* kList[] = {&kReference};
  *count = 1;
  return kList;
}

}  // namespace narrow::kernels::scalar
