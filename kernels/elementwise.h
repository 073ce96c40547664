// Elementwise family: quantize, dequantize, requantize (also concat).
// Everywhere: single precision, no contraction, round half to even, real = scale * (q - zero_point).
// Values are clamped before they are converted to integers. Therefore any multiplier is allowed; infinity becomes a
// bound and NaN becomes lo.
// Ranges: q in [0, 255] stored in uint8. No pointer is aligned. Nothing outside [0, count) is read or written.
// The output may be the input if their types are equal. Other overlap is not allowed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::kernels {

// y = clamp(round(x / scale) + zero_point, lo, hi); NaN becomes lo. (ONNX QuantizeLinear.)
struct QuantizeArgs {
  const float* input;
  std::uint8_t* output;
  std::int64_t count;
  Quantization output_quantization;
};

// y = scale * float(x - zero_point). (ONNX DequantizeLinear.)
struct DequantizeArgs {
  const std::uint8_t* input;
  float* output;
  std::int64_t count;
  Quantization input_quantization;
};

// rows x channels elements: y[r, c] = clamp(round(float(x[r, c] - input_zero_point) * multiplier) + zero_point, lo, hi)
// with multiplier = float(double(input_scale) / output_scale). With strides (elements between rows) it serves
// Activation and Concat.
struct RequantizeArgs {
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t rows;
  std::int64_t channels;
  std::int64_t input_stride;
  std::int64_t output_stride;
  std::int32_t input_zero_point;
  float multiplier;
  std::int32_t output_zero_point;
  QRange output_range;
};

struct ElementwiseKernels {
  const char* quantize_name;
  void (*quantize)(const QuantizeArgs& args);
  const char* dequantize_name;
  void (*dequantize)(const DequantizeArgs& args);
  const char* requantize_name;
  void (*requantize)(const RequantizeArgs& args);
};

[[nodiscard]] const ElementwiseKernels& elementwise_kernels(Isa isa);

}  // namespace narrow::kernels
