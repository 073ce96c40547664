// Signal and noise of a tensor.
#pragma once

#include <cstddef>
#include <limits>
#include <span>

#include "base/exact_math.h"

namespace narrow {
inline namespace v0 {

// Sums of squares over the elements of a tensor.
struct Power {
  double signal = 0;
  double noise = 0;

  void add(std::span<const float> reference, std::span<const float> other) {
    for (std::size_t i = 0; i < reference.size(); ++i) {
      const double expected = reference[i];
      const double difference = expected - static_cast<double>(other[i]);
      signal += expected * expected;
      noise += difference * difference;
    }
  }
  void add(const Power& other) {
    signal += other.signal;
    noise += other.noise;
  }
  // Infinite without noise.
  [[nodiscard]] double decibels() const {
    if (noise == 0) return std::numeric_limits<double>::infinity();
    return 10 / base::exact_math::log(10) * base::exact_math::log(signal / noise);
  }
};

}  // namespace v0
}  // namespace narrow
