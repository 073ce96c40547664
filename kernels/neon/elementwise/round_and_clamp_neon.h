// The rounding of kernels on uint8 tensors: see kernels/scalar/rounding_scalar.h. Everything here has internal linkage:
// see kernels/CMakeLists.txt.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/shared/inline.h"
#include "narrow/types.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {
namespace {

constexpr std::int64_t kLanes = 8;

// Eight elements as two vectors.
struct Integers {
  int32x4_t low, high;
};
struct Floats {
  float32x4_t low, high;
};

// `count` of 8 bytes, at least 1; the others are 0 and are not read.
NARROW_INLINE uint8x8_t load_some(const std::uint8_t* from, std::int64_t count) {
  if (count >= kLanes) return vld1_u8(from);
  std::uint8_t bytes[kLanes] = {};
  std::memcpy(bytes, from, static_cast<std::size_t>(count));
  return vld1_u8(bytes);
}
NARROW_INLINE void store_some(uint8x8_t bytes, std::uint8_t* to, std::int64_t count) {
  if (count >= kLanes) return vst1_u8(to, bytes);
  std::uint8_t all[kLanes];
  vst1_u8(all, bytes);
  std::memcpy(to, all, static_cast<std::size_t>(count));
}

NARROW_INLINE Integers integers_of(uint8x8_t bytes) {
  const uint16x8_t words = vmovl_u8(bytes);
  return {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words))), vreinterpretq_s32_u32(vmovl_high_u16(words))};
}
NARROW_INLINE Integers minus(const Integers& x, int32x4_t y) { return {vsubq_s32(x.low, y), vsubq_s32(x.high, y)}; }
NARROW_INLINE Floats floats_of(const Integers& x) { return {vcvtq_f32_s32(x.low), vcvtq_f32_s32(x.high)}; }
NARROW_INLINE Floats times(const Floats& x, float32x4_t y) { return {vmulq_f32(x.low, y), vmulq_f32(x.high, y)}; }

// clamp(round(value) + zero_point, range.lo, range.hi); NaN becomes lo.
struct Rounding {
  Rounding(std::int32_t zero, const QRange& range)
      : lo(vdupq_n_f32(static_cast<float>(range.lo - zero))),
        hi(vdupq_n_f32(static_cast<float>(range.hi - zero))),
        zero_point(vdupq_n_s32(zero)) {}

  float32x4_t lo, hi;
  int32x4_t zero_point;
};
NARROW_INLINE int32x4_t rounded(const Rounding& how, float32x4_t value) {
  const float32x4_t not_below = vbslq_f32(vcgtq_f32(value, how.lo), value, how.lo);  // NaN compares false
  return vaddq_s32(vcvtnq_s32_f32(vminq_f32(not_below, how.hi)), how.zero_point);
}
NARROW_INLINE uint8x8_t rounded(const Rounding& how, const Floats& values) {
  return vmovn_u16(
      vreinterpretq_u16_s16(vcombine_s16(vmovn_s32(rounded(how, values.low)), vmovn_s32(rounded(how, values.high)))));
}

}  // namespace
}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
