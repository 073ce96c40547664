// Binary family: add (and subtract) and multiply two uint8 tensors, element by element or with one row of the other
// repeated, as in squeeze-and-excitation ([H, W, C] times [1, 1, C]).
// Everywhere: single precision, no contraction, round half to even, real = scale * (q - zero_point).
// Clamping happens before the conversion to an integer: any multiplier is fine, infinity goes to a bound and NaN to lo.
// No pointer is aligned; nothing is read or written outside of the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "narrow/types.h"

namespace narrow::kernels {

// rows x channels elements. The output may be an input with the same stride; other overlap is not allowed.
struct BinaryRows {
  const std::uint8_t* a;
  const std::uint8_t* b;
  std::uint8_t* output;
  std::int64_t rows;
  std::int64_t channels;
  std::int64_t a_stride;  // elements between rows of a: channels or more, or 0 for one row that is repeated
  std::int64_t b_stride;
  std::int64_t output_stride;  // channels or more
};

// y = clamp(round(A + B) + zero_point, lo, hi), A = float(a - a_zero_point) * a_multiplier, B the same for b. Both are
// rounded to single precision before they are added. multiplier = float(double(in scale) / out scale). A negative
// b_multiplier makes it a subtraction, to the bit.
struct AddArgs {
  BinaryRows tensors;
  std::int32_t a_zero_point;
  std::int32_t b_zero_point;
  float a_multiplier;
  float b_multiplier;
  std::int32_t output_zero_point;
  QRange output_range;
};

// y = clamp(round(float((a - a_zero_point) * (b - b_zero_point)) * multiplier) + zero_point, lo, hi). The integer
// product is exact, in int32 as in float. multiplier = float(double(a scale) * double(b scale) / out scale).
struct MultiplyArgs {
  BinaryRows tensors;
  std::int32_t a_zero_point;
  std::int32_t b_zero_point;
  float multiplier;
  std::int32_t output_zero_point;
  QRange output_range;
};

// Adding inputs below 16, of which there are at most 256 pairs, without leaving bytes:
//   y = clamp(a_high[a] + b_high[b] + (a_low[a] > b_low[b]), lo, hi)
// All are signed, and a_high + b_high saturates. Fixed-point numbers with 8 bits of fraction, whose lower halves are
// stored so that comparing them gives the carry of their sum.
struct AddTables {
  std::int8_t a_high[16];
  std::int8_t a_low[16];
  std::int8_t b_high[16];
  std::int8_t b_low[16];
};

// Tables that give what `how` (whose tensors do not matter) gives for all a in a_range and b in b_range; none where a
// range is not within 0..15, hi is above 127, or no such numbers do.
[[nodiscard]] std::optional<AddTables> add_tables(const AddArgs& how, QRange a_range, QRange b_range);

struct BinaryKernels {
  const char* add_name;
  void (*add)(const AddArgs& args);
  const char* multiply_name;
  void (*multiply)(const MultiplyArgs& args);
  const char* add_u4_name;
  void (*add_u4)(const BinaryRows& tensors, const AddTables& tables, QRange output_range);  // nullptr: none
};

[[nodiscard]] const BinaryKernels& binary_kernels(Isa isa);

}  // namespace narrow::kernels
