// Sums of floats without any rounding, so that the order of adding does not matter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace narrow::graph {

// A fixed-point number wide enough for every finite float: 2^-149 is its last bit, and the sum of 2^63 of the largest
// floats fits. Adding is exact integer arithmetic (Kulisch, "Computer Arithmetic and Validity", 2008, chapter 8).
class ExactSum {
 public:
  // value is finite.
  void add(float value);
  void add(const ExactSum& other);

  // The nearest double, to within one unit of its last place. A function of the exact sum alone.
  [[nodiscard]] double value() const;

 private:
  void carry();

  // Sum of limbs_[i] * 2^(32 * i - 149). All but the last are in [0, 2^32); the last carries the sign.
  static constexpr std::size_t kLimbs = 11;
  std::array<std::int64_t, kLimbs> limbs_{};
};

}  // namespace narrow::graph
