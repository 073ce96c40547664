#include "quantize/statistics/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace narrow::graph {
namespace {

constexpr int kLimbBits = 32;
constexpr std::int64_t kLimbMask = 0xffffffff;
constexpr int kLowestExponent = -149;  // of the smallest subnormal float

}  // namespace

void ExactSum::add(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t field = (bits >> 23) & 0xff;
  const std::uint64_t fraction = bits & 0x7fffff;
  // value = mantissa * 2^(shift - 149)
  const std::uint64_t mantissa = field == 0 ? fraction : fraction | 0x800000;
  const std::uint32_t shift = field == 0 ? 0 : field - 1;
  const std::uint64_t shifted = mantissa << (shift % kLimbBits);  // at most 24 + 31 bits
  const std::int64_t sign = (bits >> 31) != 0 ? -1 : 1;
  const std::size_t limb = shift / kLimbBits;
  limbs_[limb] += sign * static_cast<std::int64_t>(shifted & static_cast<std::uint64_t>(kLimbMask));
  limbs_[limb + 1] += sign * static_cast<std::int64_t>(shifted >> kLimbBits);
  carry();
}

void ExactSum::add(const ExactSum& other) {
  for (std::size_t i = 0; i < kLimbs; ++i) limbs_[i] += other.limbs_[i];
  carry();
}

void ExactSum::carry() {
  for (std::size_t i = 0; i + 1 < kLimbs; ++i) {
    limbs_[i + 1] += limbs_[i] >> kLimbBits;  // rounds down, so that the rest is not negative
    limbs_[i] &= kLimbMask;
  }
}

double ExactSum::value() const {
  // A negative sum is all ones from the top in two's complement; its magnitude is converted, to lose nothing there.
  ExactSum magnitude = *this;
  const bool negative = limbs_.back() < 0;
  if (negative) {
    std::transform(limbs_.begin(), limbs_.end(), magnitude.limbs_.begin(), [](std::int64_t limb) { return -limb; });
    magnitude.carry();
  }
  double sum = 0;
  for (std::size_t i = kLimbs; i-- > 0;) {
    sum += std::ldexp(static_cast<double>(magnitude.limbs_[i]), kLimbBits * static_cast<int>(i) + kLowestExponent);
  }
  return negative ? -sum : sum;
}

}  // namespace narrow::graph
