// Binary family: add (and subtract) and multiply two uint8 tensors, element by element or with one row of one tensor
// repeated, as in squeeze-and-excitation ([H, W, C] times [1, 1, C]).
// Everywhere: single precision, no contraction, round half to even, real = scale * (q - zero_point).
// Values are clamped before they are converted to integers. Therefore any multiplier is allowed; infinity becomes a
// bound and NaN becomes lo.
// No pointer is aligned. Nothing outside of the rows is read or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "narrow/types.h"

namespace narrow::kernels {

// rows x channels elements. The output may be an input with the same stride. Other overlap is not allowed.
struct BinaryRows {
  const std::uint8_t* a;
  const std::uint8_t* b;
  std::uint8_t* output;
  std::int64_t rows;
  std::int64_t channels;
  std::int64_t a_stride;  // elements between rows of a: channels or more, or 0 to repeat one row
  std::int64_t b_stride;
  std::int64_t output_stride;  // channels or more
};

// y = clamp(round(A + B) + zero_point, lo, hi), A = float(a - a_zero_point) * a_multiplier, and B is the same for b.
// Both are rounded to single precision before they are added. multiplier = float(double(in scale) / out scale). A
// negative b_multiplier makes it an exact subtraction.
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

// Tables that add inputs below 16 in bytes; there are at most 256 pairs of such inputs:
//   y = clamp(a_high[a] + b_high[b] + (a_low[a] > b_low[b]), lo, hi)
// All entries are signed, and a_high + b_high saturates. The entries are fixed-point numbers with 8 bits of fraction.
// The comparison of the stored lower halves is the carry of their sum.
struct AddTables {
  std::int8_t a_high[16];
  std::int8_t a_low[16];
  std::int8_t b_high[16];
  std::int8_t b_low[16];
};

// Tables with the results of `how` for all a in a_range and b in b_range. The tensors of `how` are not read. Returns
// nothing if a range is not within 0..15, if hi is above 127, or if no such tables exist.
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
