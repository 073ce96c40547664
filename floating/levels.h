// The levels of quantized tensors, in single precision.
#pragma once

#include <cstdint>

#include "narrow/types.h"

namespace narrow::graph {

// The levels of a quantized tensor, counted from its zero point: integers from -255 to 255, which single precision
// holds exactly. All functions assume the default floating-point environment; loops of them are vectorized.
class Levels {
 public:
  explicit Levels(const Quantization& quantization) : Levels(quantization, quantization.range) {}
  // range: the part of the quantization's range that occurs.
  Levels(const Quantization& quantization, const QRange& range)
      : scale_(quantization.scale),
        zero_point_(quantization.zero_point),
        lo_(static_cast<float>(range.lo - quantization.zero_point)),
        hi_(static_cast<float>(range.hi - quantization.zero_point)) {}

  [[nodiscard]] float scale() const { return scale_; }
  // The offset of a level in the quantized network: byte = level + zero_point().
  [[nodiscard]] std::int32_t zero_point() const { return zero_point_; }
  [[nodiscard]] float lo() const { return lo_; }
  [[nodiscard]] float hi() const { return hi_; }

  // The level closest to a number in units of the scale, halves to even. NaN becomes the lowest level. Bounds are
  // integers, so clamping before rounding equals clamping after it.
  [[nodiscard]] float nearest(float steps) const {
    const float not_below = steps > lo_ ? steps : lo_;  // NaN compares false
    return rounded(not_below < hi_ ? not_below : hi_);
  }
  // The level of a real number that real() returned. The quotient's error is below 2^-14, so rounding is exact.
  [[nodiscard]] float of(float real) const { return rounded(real / scale_); }
  [[nodiscard]] float real(float level) const { return scale_ * level; }

 private:
  // The nearest integer, halves to even, for numbers below 2^22. Beyond 2^23 neighbouring floats are 1 apart.
  [[nodiscard]] static float rounded(float steps) {
    constexpr float kIntegersOnly = 0x1.8p23F;
    return (steps + kIntegersOnly) - kIntegersOnly;
  }

  float scale_;
  std::int32_t zero_point_;
  float lo_;
  float hi_;
};

}  // namespace narrow::graph
