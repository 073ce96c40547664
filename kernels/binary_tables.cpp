#include <algorithm>
#include <cmath>

#include "kernels/binary.h"

namespace narrow::kernels {
namespace {

constexpr int kValues = 16;
constexpr std::int32_t kOne = 256;  // in fixed point
constexpr std::int32_t kLargestOutput = 127;

bool is_within(QRange range) { return range.lo >= 0 && range.lo <= range.hi && range.hi < kValues; }

// The bounds of the sum for a pair of inputs: first <= x[a] + y[b] <= last.
struct Bounds {
  std::int32_t first, last;
};

struct Pairs {
  Bounds bounds[kValues][kValues];
};

// Results outside of the output's range are clamped to it, so these bounds are open.
Bounds bounds_for(std::int32_t sum, QRange range) {
  constexpr std::int32_t kFar = std::int32_t{1} << 24;
  return {sum == range.lo ? -kFar : sum * kOne, sum == range.hi ? kFar : (sum + 1) * kOne - 1};
}

Pairs all_pairs(AddArgs how, QRange a_range, QRange b_range) {
  std::uint8_t a[kValues * kValues], b[kValues * kValues], sums[kValues * kValues];
  for (int i = 0; i < kValues * kValues; ++i) {
    a[i] = static_cast<std::uint8_t>(i / kValues);
    b[i] = static_cast<std::uint8_t>(i % kValues);
  }
  how.tensors = {a, b, sums, 1, kValues * kValues, 0, 0, 0};
  binary_kernels(Isa::kScalar).add(how);
  Pairs pairs{};
  for (int i = a_range.lo; i <= a_range.hi; ++i) {
    for (int j = b_range.lo; j <= b_range.hi; ++j) {
      pairs.bounds[i][j] = bounds_for(sums[i * kValues + j], how.output_range);
    }
  }
  return pairs;
}

// The nearest fixed-point number that int16 holds.
std::int32_t fixed(double value) {
  if (!(std::abs(value) < kOne / 2.0)) return value > 0 ? INT16_MAX : INT16_MIN;
  return static_cast<std::int32_t>(std::min(std::lround(value * kOne), long{INT16_MAX}));
}

// With z = -y, the bounds are on differences x - z. Values that are too high are lowered in rounds (Bellman and Ford).
// This ends with a solution after at most as many rounds as there are unknowns; otherwise there is none.
bool solve(const Pairs& pairs, QRange a_range, QRange b_range, std::int32_t* x, std::int32_t* z) {
  for (int round = 0; round <= 2 * kValues; ++round) {
    bool changed = false;
    for (int i = a_range.lo; i <= a_range.hi; ++i) {
      for (int j = b_range.lo; j <= b_range.hi; ++j) {
        const Bounds& bounds = pairs.bounds[i][j];
        changed = changed || x[i] > z[j] + bounds.last || z[j] > x[i] - bounds.first;
        x[i] = std::min(x[i], z[j] + bounds.last);
        z[j] = std::min(z[j], x[i] - bounds.first);
      }
    }
    if (!changed) return true;
  }
  return false;
}

bool is_word(std::int32_t value) { return value >= INT16_MIN && value <= INT16_MAX; }
std::int8_t high_byte(std::int32_t value) { return static_cast<std::int8_t>(value >> 8); }
// Signed bytes whose comparison keeps the order of the low bytes.
std::int8_t low_byte(std::int32_t value) { return static_cast<std::int8_t>((value & 255) - 128); }

}  // namespace

std::optional<AddTables> add_tables(const AddArgs& how, QRange a_range, QRange b_range) {
  if (!is_within(a_range) || !is_within(b_range)) return std::nullopt;
  if (how.output_range.lo < 0 || how.output_range.hi > kLargestOutput) return std::nullopt;
  std::int32_t x[kValues], z[kValues];
  for (int i = 0; i < kValues; ++i) {
    // Half of the output's zero point and of the 0.5 that makes truncation round, for each input.
    const double shift = (how.output_zero_point + 0.5) / 2;
    x[i] = fixed((i - how.a_zero_point) * double{how.a_multiplier} + shift);
    z[i] = -fixed((i - how.b_zero_point) * double{how.b_multiplier} + shift);
  }
  if (!solve(all_pairs(how, a_range, b_range), a_range, b_range, x, z)) return std::nullopt;
  AddTables tables{};
  for (int i = a_range.lo; i <= a_range.hi; ++i) {
    if (!is_word(x[i])) return std::nullopt;
    tables.a_high[i] = high_byte(x[i]);
    tables.a_low[i] = low_byte(x[i]);
  }
  for (int i = b_range.lo; i <= b_range.hi; ++i) {
    if (!is_word(-z[i])) return std::nullopt;
    tables.b_high[i] = high_byte(-z[i]);
    tables.b_low[i] = low_byte(kOne - 1 - (-z[i] & 255));
  }
  return tables;
}

}  // namespace narrow::kernels
