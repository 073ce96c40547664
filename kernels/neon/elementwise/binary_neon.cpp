#include "kernels/binary.h"

#include "kernels/neon/elementwise/round_and_clamp_neon.h"
#include "kernels/neon/families_neon.h"

namespace narrow::kernels::neon {
namespace {

// output = combine(a, b) for 8 elements at a time. Elements beyond the row are neither read nor written.
template <class Combine>
NARROW_INLINE void for_each_eight(const BinaryRows& tensors, const Combine& combine) {
  for (std::int64_t r = 0; r < tensors.rows; ++r) {
    const std::uint8_t* const a = tensors.a + r * tensors.a_stride;
    const std::uint8_t* const b = tensors.b + r * tensors.b_stride;
    std::uint8_t* const y = tensors.output + r * tensors.output_stride;
    std::int64_t c = 0;
    for (; c + kLanes <= tensors.channels; c += kLanes) vst1_u8(y + c, combine(vld1_u8(a + c), vld1_u8(b + c)));
    const std::int64_t left = tensors.channels - c;
    if (left > 0) store_some(combine(load_some(a + c, left), load_some(b + c, left)), y + c, left);
  }
}

void add_u8_8_neon(const AddArgs& args) {
  const Rounding how(args.output_zero_point, args.output_range);
  const int32x4_t a_zero = vdupq_n_s32(args.a_zero_point);
  const int32x4_t b_zero = vdupq_n_s32(args.b_zero_point);
  const float32x4_t a_multiplier = vdupq_n_f32(args.a_multiplier);
  const float32x4_t b_multiplier = vdupq_n_f32(args.b_multiplier);
  for_each_eight(args.tensors, [&](uint8x8_t a, uint8x8_t b) {
    const Floats x = times(floats_of(minus(integers_of(a), a_zero)), a_multiplier);
    const Floats y = times(floats_of(minus(integers_of(b), b_zero)), b_multiplier);
    return rounded(how, Floats{vaddq_f32(x.low, y.low), vaddq_f32(x.high, y.high)});
  });
}

void multiply_u8_8_neon(const MultiplyArgs& args) {
  const Rounding how(args.output_zero_point, args.output_range);
  const int32x4_t a_zero = vdupq_n_s32(args.a_zero_point);
  const int32x4_t b_zero = vdupq_n_s32(args.b_zero_point);
  const float32x4_t multiplier = vdupq_n_f32(args.multiplier);
  for_each_eight(args.tensors, [&](uint8x8_t a, uint8x8_t b) {
    const Integers x = minus(integers_of(a), a_zero);
    const Integers y = minus(integers_of(b), b_zero);
    const Integers products{vmulq_s32(x.low, y.low), vmulq_s32(x.high, y.high)};
    return rounded(how, times(floats_of(products), multiplier));
  });
}

constexpr BinaryKernels kBinary{"add_u8_8_neon", add_u8_8_neon, "multiply_u8_8_neon", multiply_u8_8_neon, "", nullptr};

}  // namespace

const BinaryKernels* binary() { return &kBinary; }

}  // namespace narrow::kernels::neon
