// Numbers from files: sums and products that can't overflow unnoticed, and how many elements a tensor claims to have.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace narrow::base {

// The largest |x| of a dimension, an axis, a step or another integer in a file. No network comes near it, and
// sums and products of two such numbers fit into int64. Readers check it where a number is read.
inline constexpr std::int64_t kMaxFileNumber = std::int64_t{1} << 31;

static constexpr bool is_file_number(std::int64_t value) { return value >= -kMaxFileNumber && value <= kMaxFileNumber; }

// An int64, or nothing after a step that overflowed: std::optional<std::int64_t> sum = (Checked(a) + b * c).value().
class Checked {
 public:
  constexpr Checked(std::int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor): a + 1 is a sum too

  friend constexpr Checked operator+(Checked a, Checked b) {
    Checked sum = a;
    sum.lost_ = a.lost_ || b.lost_ || __builtin_add_overflow(a.value_, b.value_, &sum.value_);
    return sum;
  }
  friend constexpr Checked operator-(Checked a, Checked b) {
    Checked difference = a;
    difference.lost_ = a.lost_ || b.lost_ || __builtin_sub_overflow(a.value_, b.value_, &difference.value_);
    return difference;
  }
  friend constexpr Checked operator*(Checked a, Checked b) {
    Checked product = a;
    product.lost_ = a.lost_ || b.lost_ || __builtin_mul_overflow(a.value_, b.value_, &product.value_);
    return product;
  }
  constexpr Checked& operator+=(Checked other) { return *this = *this + other; }
  constexpr Checked& operator*=(Checked other) { return *this = *this * other; }

  // Nothing: a step overflowed.
  [[nodiscard]] constexpr std::optional<std::int64_t> value() const {
    return lost_ ? std::nullopt : std::optional(value_);
  }
  // Whether no step overflowed and the number is in [lo, hi].
  [[nodiscard]] constexpr bool is_within(std::int64_t lo, std::int64_t hi) const {
    return !lost_ && value_ >= lo && value_ <= hi;
  }

 private:
  std::int64_t value_;
  bool lost_ = false;
};

struct ElementCount {
  std::int64_t elems = 0;    // the product of the dimensions
  std::int64_t claimed = 0;  // the product of those that are not 0: what other tensors of such dimensions would have
};

// The elements of a tensor. Nothing: a dimension is negative or above kMaxFileNumber, or `claimed` is above `most`. So
// a dimension of 0 exempts the others from no limit.
[[nodiscard]] constexpr std::optional<ElementCount> count_elements(std::span<const std::int64_t> dims,
                                                                   std::int64_t most) {
  ElementCount count{1, 1};
  for (const std::int64_t dim : dims) {
    if (dim < 0 || dim > kMaxFileNumber) return std::nullopt;
    if (dim == 0) {
      count.elems = 0;
      continue;
    }
    if (!(Checked(count.claimed) * dim).is_within(0, most)) return std::nullopt;
    count.claimed *= dim;
  }
  if (count.elems != 0) count.elems = count.claimed;
  return count;
}

}  // namespace narrow::base
