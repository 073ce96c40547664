#include "importers/architectures/weight_layout.h"

#include <algorithm>

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

// The weight of pixel `at` of `size` in the average of cell `cell`: 0, or 1 / pixels of the cell.
double share(std::int64_t at, std::int64_t cell, std::int64_t size, std::int64_t cells) {
  const std::int64_t begin = cell * size / cells;
  const std::int64_t end = ((cell + 1) * size + cells - 1) / cells;
  return at >= begin && at < end ? 1.0 / static_cast<double>(end - begin) : 0.0;
}

}  // namespace

std::vector<float> convolution_weights(const Tensor& tensor) {
  return channels_last(tensor.values, tensor.shape[0], tensor.shape[1], tensor.shape[2] * tensor.shape[3]);
}

std::vector<float> linear_weights(const Tensor& tensor, const TensorShape& input) {
  return channels_last(tensor.values, tensor.shape[0], input.channels, input.height * input.width);
}

std::vector<float> linear_weights_on_grid(const Tensor& tensor, const TensorShape& input, int grid) {
  const TensorShape pooled{grid, grid, input.channels};
  const std::vector<float> cells = linear_weights(tensor, pooled);  // [out, grid, grid, channels]
  const std::int64_t out = tensor.shape[0];
  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(out * input.elems()));
  std::vector<double> sums(static_cast<std::size_t>(input.channels));
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t y = 0; y < input.height; ++y) {
      for (std::int64_t x = 0; x < input.width; ++x) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t cell = 0; cell < std::int64_t{grid} * grid; ++cell) {
          const double part = share(y, cell / grid, input.height, grid) * share(x, cell % grid, input.width, grid);
          if (part == 0) continue;
          const float* from = &cells[static_cast<std::size_t>((o * grid * grid + cell) * input.channels)];
          for (double& sum : sums) sum += part * static_cast<double>(*from++);
        }
        for (const double sum : sums) result.push_back(static_cast<float>(sum));
      }
    }
  }
  return result;
}

}  // namespace narrow::importers
