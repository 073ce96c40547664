// Types that all parts of Narrow share: shapes, ranges, quantization parameters, ISAs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// The shape of one image's tensor, [height, width, channels], channels fastest (NHWC without N). A vector is
// [1, 1, channels].
struct TensorShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;

  [[nodiscard]] constexpr std::int64_t elems() const { return height * width * channels; }
  friend constexpr bool operator==(const TensorShape&, const TensorShape&) = default;
};

inline constexpr int kMinBits = 2;
inline constexpr int kMaxBits = 8;

// A closed interval of integers that every element of a tensor is guaranteed to lie in. Kernels require ranges, never
// numbers of bits.
struct QRange {
  std::int32_t lo = 0;
  std::int32_t hi = 255;

  // [0, 2^bits - 1], stored in uint8. bits in 2..8.
  [[nodiscard]] static constexpr QRange activations(int bits) { return {0, (1 << bits) - 1}; }
  // +-(2^(bits-1) - 1), stored in int8. bits in 2..8; 2 bits are {-1, 0, 1}.
  [[nodiscard]] static constexpr QRange weights(int bits) { return {-((1 << (bits - 1)) - 1), (1 << (bits - 1)) - 1}; }

  [[nodiscard]] constexpr bool contains(std::int64_t value) const { return value >= lo && value <= hi; }
  [[nodiscard]] constexpr bool contains(const QRange& other) const { return other.lo >= lo && other.hi <= hi; }
  [[nodiscard]] constexpr std::int64_t steps() const { return std::int64_t{hi} - lo; }
  friend constexpr bool operator==(const QRange&, const QRange&) = default;
};

// The smallest number of bits whose two's complement (lo < 0) or unsigned range holds `range`: 1..32.
[[nodiscard]] constexpr int bits_for(const QRange& range) {
  int bits = 1;
  if (range.lo < 0) {
    while (range.lo < -(std::int64_t{1} << (bits - 1)) || range.hi > (std::int64_t{1} << (bits - 1)) - 1) ++bits;
  } else {
    while (range.hi > (std::int64_t{1} << bits) - 1) ++bits;
  }
  return bits;
}

// real = scale * (q - zero_point), q in range. zero_point lies in range, so zero is exact.
struct Quantization {
  float scale = 1.0F;
  std::int32_t zero_point = 0;
  QRange range;
  friend constexpr bool operator==(const Quantization&, const Quantization&) = default;
};

// An activation function as a range: real values outside [lo, hi] become lo or hi. ReLU is [0, inf).
struct Clamp {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();

  [[nodiscard]] constexpr bool is_identity() const {
    return lo == -std::numeric_limits<float>::infinity() && hi == std::numeric_limits<float>::infinity();
  }
  friend constexpr bool operator==(const Clamp&, const Clamp&) = default;
};

// Zeros (real zeros, that is the zero point) around an image, in pixels. The sides may differ, as in TensorFlow's SAME
// padding.
struct Padding {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;
  friend constexpr bool operator==(const Padding&, const Padding&) = default;
};

// What the scores of a network are.
enum class ScoreKind {
  kLogits,         // any real numbers; see probabilities() in session.h
  kProbabilities,  // of classes of which an image has one: the network ends in a Softmax
  kIndependent,    // a probability for each class on its own: the network ends in a sigmoid
};

// Instruction sets that kernels are written for. They are only partially ordered: compare CpuFeatures, not these
// values.
enum class Isa { kScalar, kAvx2, kAvxVnni, kAvx512Vnni, kNeon, kNeonDot, kAmx };

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
