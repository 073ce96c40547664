// The output stage of convolutions: from sums to bytes or floats. Math in kernels/convolution.h. Everything here has
// internal linkage: see kernels/CMakeLists.txt.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/shared/inline.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {
namespace {

constexpr int kVectorChannels = 8;

// The sums of 8 channels of a pixel, and what else belongs to these channels.
struct Eight {
  int32x4_t low;
  int32x4_t high;
};

// The sums of several pixels. Nested structs instead of arrays, which compilers may keep on the stack.
template <int kPixels>
struct Sums {
  Eight first;
  Sums<kPixels - 1> rest;
};
template <>
struct Sums<0> {};
template <int kPixels>
NARROW_INLINE void set_all(Sums<kPixels>& sums, const Eight& bias) {
  sums.first = bias;
  if constexpr (kPixels > 1) set_all(sums.rest, bias);
}

NARROW_INLINE Eight load_eight(const std::int32_t* from) { return {vld1q_s32(from), vld1q_s32(from + 4)}; }

// `count` of 8 bytes; the others are 0 and are not read.
NARROW_INLINE uint8x8_t load_bytes(const std::uint8_t* from, int count) {
  if (count >= kVectorChannels) return vld1_u8(from);
  std::uint8_t bytes[kVectorChannels] = {};
  std::memcpy(bytes, from, static_cast<std::size_t>(count));
  return vld1_u8(bytes);
}
NARROW_INLINE void store_bytes(uint8x8_t bytes, std::uint8_t* to, int count) {
  if (count >= kVectorChannels) return vst1_u8(to, bytes);
  std::uint8_t all[kVectorChannels];
  vst1_u8(all, bytes);
  std::memcpy(to, all, static_cast<std::size_t>(count));
}
NARROW_INLINE void store_floats(float32x4_t low, float32x4_t high, float* to, int count) {
  if (count >= kVectorChannels) {
    vst1q_f32(to, low);
    return vst1q_f32(to + 4, high);
  }
  float all[kVectorChannels];
  vst1q_f32(all, low);
  vst1q_f32(all + 4, high);
  std::memcpy(to, all, static_cast<std::size_t>(count) * sizeof(float));
}

struct OutputStage {
  explicit OutputStage(const ConvolutionProblem& problem)
      : type(problem.output_type),
        zero_point(vdupq_n_s32(problem.output_zero_point)),
        lo(vdupq_n_s32(problem.output_range.lo)),
        hi(vdupq_n_s32(problem.output_range.hi)),
        clamp_lo(vdupq_n_f32(problem.output_clamp.lo)),
        clamp_hi(vdupq_n_f32(problem.output_clamp.hi)),
        sum_multiplier(vdupq_n_f32(problem.residual.sum_multiplier)),
        residual_multiplier(vdupq_n_f32(problem.residual.multiplier)),
        residual_zero_point(vdup_n_u8(static_cast<std::uint8_t>(problem.residual.zero_point))) {}

  OutputType type;
  int32x4_t zero_point, lo, hi;
  float32x4_t clamp_lo, clamp_hi;
  float32x4_t sum_multiplier, residual_multiplier;
  uint8x8_t residual_zero_point;
};

// The conversion saturates and so does the addition, beyond every bound.
NARROW_INLINE int32x4_t quantized(const OutputStage& stage, float32x4_t value) {
  const int32x4_t q = vqaddq_s32(vcvtnq_s32_f32(value), stage.zero_point);
  return vminq_s32(vmaxq_s32(q, stage.lo), stage.hi);
}
NARROW_INLINE uint8x8_t bytes_of(int32x4_t low, int32x4_t high) {
  return vqmovun_s16(vcombine_s16(vmovn_s32(low), vmovn_s32(high)));
}

// min(max(value, lo), hi) as the reference has it: of two zeros, the value's own. vmaxq_f32 would return +0.
NARROW_INLINE float32x4_t clamped(const OutputStage& stage, float32x4_t value) {
  const float32x4_t above = vbslq_f32(vcltq_f32(value, stage.clamp_lo), stage.clamp_lo, value);
  return vbslq_f32(vcltq_f32(stage.clamp_hi, above), stage.clamp_hi, above);
}

// Writes `count` of 8 channels of one pixel. at: the index of the first of them in the output.
NARROW_INLINE void write_eight(const OutputStage& stage, const Eight& sums, const float* multiplier, void* output,
                               const std::uint8_t* residual, std::int64_t at, int count) {
  float32x4_t low = vmulq_f32(vcvtq_f32_s32(sums.low), vld1q_f32(multiplier));
  float32x4_t high = vmulq_f32(vcvtq_f32_s32(sums.high), vld1q_f32(multiplier + 4));
  if (stage.type == OutputType::kFloat32) {
    return store_floats(clamped(stage, low), clamped(stage, high), static_cast<float*>(output) + at, count);
  }
  if (stage.type == OutputType::kResidualSum) {
    const uint8x8_t bytes = load_bytes(residual + at, count);
    const int16x8_t other = vreinterpretq_s16_u16(vsubl_u8(bytes, stage.residual_zero_point));
    const float32x4_t other_low = vcvtq_f32_s32(vmovl_s16(vget_low_s16(other)));
    const float32x4_t other_high = vcvtq_f32_s32(vmovl_high_s16(other));
    low = vaddq_f32(vmulq_f32(low, stage.sum_multiplier), vmulq_f32(other_low, stage.residual_multiplier));
    high = vaddq_f32(vmulq_f32(high, stage.sum_multiplier), vmulq_f32(other_high, stage.residual_multiplier));
  }
  const uint8x8_t bytes = bytes_of(quantized(stage, low), quantized(stage, high));
  store_bytes(bytes, static_cast<std::uint8_t*>(output) + at, count);
}

}  // namespace
}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
