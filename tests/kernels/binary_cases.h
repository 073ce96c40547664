// Rows of two inputs and an output, as the tests of adding and multiplying use them.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/binary.h"

namespace narrow::testing {

using Bytes = std::vector<std::uint8_t>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kMin = std::numeric_limits<float>::min();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

// Everything but the tensors.
inline kernels::AddArgs addition(std::int32_t a_zero, std::int32_t b_zero, float a, float b, std::int32_t zero,
                                 QRange range) {
  return {{}, a_zero, b_zero, a, b, zero, range};
}

struct Layout {
  std::int64_t rows = 1;
  std::int64_t channels = 1;
  bool repeat_a = false;
  bool repeat_b = false;
  std::int64_t gap = 0;  // unused elements between rows, in all tensors that are not repeated

  [[nodiscard]] std::int64_t stride(bool repeated) const { return repeated ? 0 : channels + gap; }
  [[nodiscard]] std::int64_t elems() const { return rows * (channels + gap); }
  [[nodiscard]] std::int64_t a_elems() const { return repeat_a ? channels : elems(); }
  [[nodiscard]] std::int64_t b_elems() const { return repeat_b ? channels : elems(); }
  [[nodiscard]] kernels::BinaryRows tensors(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output) const {
    return {a, b, output, rows, channels, stride(repeat_a), stride(repeat_b), channels + gap};
  }
  // An output before it is written; between rows it stays as it is.
  [[nodiscard]] Bytes untouched() const { return Bytes(static_cast<std::size_t>(elems()), 0xEE); }
};

}  // namespace narrow::testing
