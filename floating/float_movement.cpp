#include "floating/float_movement.h"

#include <algorithm>

namespace narrow::graph {

void copy_channels(const float* input, std::int64_t channels, float* output, std::int64_t output_channels,
                   std::int64_t first_channel, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    std::copy_n(input + p * channels, channels, output + p * output_channels + first_channel);
  }
}

void pad_image(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Padding& pad) {
  std::fill_n(output, out.elems(), 0.0F);
  const std::int64_t row = in.width * in.channels;
  for (std::int64_t y = 0; y < in.height; ++y) {
    std::copy_n(input + y * row, row, output + ((y + pad.top) * out.width + pad.left) * out.channels);
  }
}

void slice(const float* input, const TensorShape& in, float* output, const TensorShape& out, const TensorShape& begin) {
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      const std::int64_t pixel = (y + begin.height) * in.width + x + begin.width;
      std::copy_n(input + pixel * in.channels + begin.channels, out.channels,
                  output + (y * out.width + x) * out.channels);
    }
  }
}

void transpose(const float* input, const TensorShape& in, float* output, const TensorShape& out,
               const std::array<int, 3>& order) {
  const std::array<std::int64_t, 3> strides{in.width * in.channels, in.channels, 1};
  const auto stride = [&](std::size_t i) { return strides[static_cast<std::size_t>(order[i])]; };
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      const float* from = input + y * stride(0) + x * stride(1);
      for (std::int64_t c = 0; c < out.channels; ++c) *output++ = from[c * stride(2)];
    }
  }
}

void gather(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Gather& op) {
  const auto from = [&](std::int64_t i, int dimension) {
    return op.dimension == dimension ? std::int64_t{op.indices[static_cast<std::size_t>(i)]} : i;
  };
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x, output += out.channels) {
      const float* pixel = input + (from(y, 0) * in.width + from(x, 1)) * in.channels;
      for (std::int64_t c = 0; c < out.channels; ++c) output[c] = pixel[from(c, 2)];
    }
  }
}

}  // namespace narrow::graph
