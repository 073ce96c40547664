#include "kernels/elementwise.h"

#include "kernels/neon/elementwise/round_and_clamp_neon.h"
#include "kernels/neon/families_neon.h"

namespace narrow::kernels::neon {
namespace {

NARROW_INLINE Floats load_floats(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
NARROW_INLINE void store_floats(const Floats& values, float* to) {
  vst1q_f32(to, values.low);
  vst1q_f32(to + 4, values.high);
}

void quantize_f32u8_8_neon(const QuantizeArgs& args) {
  const Quantization& to = args.output_quantization;
  const Rounding how(to.zero_point, to.range);
  const float32x4_t scale = vdupq_n_f32(to.scale);
  const auto quantize = [&](const Floats& x) {
    return rounded(how, Floats{vdivq_f32(x.low, scale), vdivq_f32(x.high, scale)});
  };
  std::int64_t i = 0;
  for (; i + kLanes <= args.count; i += kLanes) vst1_u8(args.output + i, quantize(load_floats(args.input + i)));
  const std::int64_t left = args.count - i;
  if (left <= 0) return;
  float last[kLanes] = {};
  std::memcpy(last, args.input + i, static_cast<std::size_t>(left) * sizeof(float));
  store_some(quantize(load_floats(last)), args.output + i, left);
}

void dequantize_u8f32_8_neon(const DequantizeArgs& args) {
  const Quantization& from = args.input_quantization;
  const int32x4_t zero_point = vdupq_n_s32(from.zero_point);
  const float32x4_t scale = vdupq_n_f32(from.scale);
  const auto dequantize = [&](uint8x8_t x) { return times(floats_of(minus(integers_of(x), zero_point)), scale); };
  std::int64_t i = 0;
  for (; i + kLanes <= args.count; i += kLanes) store_floats(dequantize(vld1_u8(args.input + i)), args.output + i);
  const std::int64_t left = args.count - i;
  if (left <= 0) return;
  float last[kLanes];
  store_floats(dequantize(load_some(args.input + i, left)), last);
  std::memcpy(args.output + i, last, static_cast<std::size_t>(left) * sizeof(float));
}

void requantize_u8_8_neon(const RequantizeArgs& args) {
  const Rounding how(args.output_zero_point, args.output_range);
  const int32x4_t zero_point = vdupq_n_s32(args.input_zero_point);
  const float32x4_t multiplier = vdupq_n_f32(args.multiplier);
  const auto requantize = [&](uint8x8_t x) {
    return rounded(how, times(floats_of(minus(integers_of(x), zero_point)), multiplier));
  };
  for (std::int64_t r = 0; r < args.rows; ++r) {
    const std::uint8_t* const x = args.input + r * args.input_stride;
    std::uint8_t* const y = args.output + r * args.output_stride;
    std::int64_t c = 0;
    for (; c + kLanes <= args.channels; c += kLanes) vst1_u8(y + c, requantize(vld1_u8(x + c)));
    const std::int64_t left = args.channels - c;
    if (left > 0) store_some(requantize(load_some(x + c, left)), y + c, left);
  }
}

constexpr ElementwiseKernels kElementwise{
    "quantize_f32u8_8_neon", quantize_f32u8_8_neon,  "dequantize_u8f32_8_neon",
    dequantize_u8f32_8_neon, "requantize_u8_8_neon", requantize_u8_8_neon,
};

}  // namespace

const ElementwiseKernels* elementwise() { return &kElementwise; }

}  // namespace narrow::kernels::neon
