#include "kernels/scalar/families_scalar.h"

#include "kernels/scalar/rounding_scalar.h"

namespace narrow::kernels::scalar {
namespace {

void quantize_f32u8_scalar(const QuantizeArgs& args) {
  const Quantization& to = args.output_quantization;
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.output[i] = round_and_clamp(args.input[i] / to.scale, to.zero_point, to.range);
  }
}

void dequantize_u8f32_scalar(const DequantizeArgs& args) {
  const Quantization& from = args.input_quantization;
  for (std::int64_t i = 0; i < args.count; ++i) {
    args.output[i] = from.scale * static_cast<float>(args.input[i] - from.zero_point);
  }
}

void requantize_u8_scalar(const RequantizeArgs& args) {
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::uint8_t* x = args.input + r * args.input_stride;
    std::uint8_t* y = args.output + r * args.output_stride;
    for (std::int64_t c = 0; c < args.channels; ++c) {
      const float real = static_cast<float>(x[c] - args.input_zero_point) * args.multiplier;
      y[c] = round_and_clamp(real, args.output_zero_point, args.output_range);
    }
  }
}

constexpr ElementwiseKernels kElementwise{
    "quantize_f32u8_scalar", quantize_f32u8_scalar,  "dequantize_u8f32_scalar",
    dequantize_u8f32_scalar, "requantize_u8_scalar", requantize_u8_scalar,
};

}  // namespace

const ElementwiseKernels* elementwise() { return &kElementwise; }

}  // namespace narrow::kernels::scalar
