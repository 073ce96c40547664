#include "importers/architectures/weight_layout.h"

namespace narrow::importers {
namespace {

// [outer, channels, area] -> [outer, area, channels].
std::vector<float> channels_last(const std::vector<float>& values, std::int64_t outer, std::int64_t channels,
                                 std::int64_t area) {
  std::vector<float> result(values.size());
  auto out = result.begin();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t a = 0; a < area; ++a) {
      for (std::int64_t c = 0; c < channels; ++c) {
        *out++ = values[static_cast<std::size_t>((o * channels + c) * area + a)];
      }
    }
  }
  return result;
}

}  // namespace

std::vector<float> convolution_weights(const Tensor& tensor) {
  return channels_last(tensor.values, tensor.shape[0], tensor.shape[1], tensor.shape[2] * tensor.shape[3]);
}

std::vector<float> linear_weights(const Tensor& tensor, const TensorShape& input) {
  return channels_last(tensor.values, tensor.shape[0], input.channels, input.height * input.width);
}

}  // namespace narrow::importers
