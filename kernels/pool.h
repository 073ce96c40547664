// Pooling family on uint8 tensors [N, in_h, in_w, channels] -> [N, out_h, out_w, channels].
// Global average pooling is average pooling with a window of the size of the image.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::kernels {

struct PoolShape {
  int in_h = 0, in_w = 0, channels = 0;
  int out_h = 0, out_w = 0;
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;  // max pooling only
  Padding pad;                         // smaller than the window, so that each window holds a pixel of the image
};

// y = max over the window's pixels inside the image. Lossless: input and output share their quantization. If all taps
// of a dilated window lie outside the image, the result is 0.
struct MaxPoolArgs {
  PoolShape shape;
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t row_begin, row_end;  // of the N * out_h output rows
};

// y = clamp(round_half_to_even(float(sum over the window of (x - input_zero_point)) * m) + zero_point, lo, hi), m =
// float(double(input_scale) / (double(output_scale) * n)). n is the number of the window's pixels inside the image, or,
// with count_include_pad, inside the padded image. The sum is int32: kernel_h * kernel_w <= 2^23 (checked by the
// graph).
struct AveragePoolArgs {
  PoolShape shape;
  bool count_include_pad = false;
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t row_begin, row_end;
  Quantization input_quantization;
  Quantization output_quantization;
};

struct PoolKernels {
  const char* max_name;
  void (*max_pool)(const MaxPoolArgs& args);
  const char* average_name;
  void (*average_pool)(const AveragePoolArgs& args);
};

[[nodiscard]] const PoolKernels& pool_kernels(Isa isa);

}  // namespace narrow::kernels
