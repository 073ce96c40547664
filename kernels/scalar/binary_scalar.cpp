#include "kernels/scalar/families_scalar.h"

#include "kernels/scalar/rounding_scalar.h"

namespace narrow::kernels::scalar {
namespace {

// output = combine(a, b) for all elements.
template <class Combine>
void for_each_pair(const BinaryRows& tensors, Combine combine) {
  for (std::int64_t r = 0; r < tensors.rows; ++r) {
    const std::uint8_t* a = tensors.a + r * tensors.a_stride;
    const std::uint8_t* b = tensors.b + r * tensors.b_stride;
    std::uint8_t* y = tensors.output + r * tensors.output_stride;
    for (std::int64_t c = 0; c < tensors.channels; ++c) y[c] = combine(a[c], b[c]);
  }
}

void add_u8_scalar(const AddArgs& args) {
  for_each_pair(args.tensors, [&](std::uint8_t a, std::uint8_t b) {
    const float real_a = static_cast<float>(a - args.a_zero_point) * args.a_multiplier;
    const float real_b = static_cast<float>(b - args.b_zero_point) * args.b_multiplier;
    return round_and_clamp(real_a + real_b, args.output_zero_point, args.output_range);
  });
}

void multiply_u8_scalar(const MultiplyArgs& args) {
  for_each_pair(args.tensors, [&](std::uint8_t a, std::uint8_t b) {
    const std::int32_t product = (a - args.a_zero_point) * (b - args.b_zero_point);
    return round_and_clamp(static_cast<float>(product) * args.multiplier, args.output_zero_point, args.output_range);
  });
}

constexpr BinaryKernels kBinary{"add_u8_scalar", add_u8_scalar, "multiply_u8_scalar", multiply_u8_scalar, "", nullptr};

}  // namespace

const BinaryKernels* binary() { return &kBinary; }

}  // namespace narrow::kernels::scalar
