// Inner loops of the rounding, with the widest vectors that the CPU has. Results are the same on every CPU: the order
// of additions is part of each function, and nothing is fused.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narrow::graph {

// sum of a[i] * b[i].
[[nodiscard]] float dot(const float* a, const float* b, std::size_t count);

// y[i] += factor * x[i].
void add_scaled(float factor, const float* x, float* y, std::size_t count);

// sums[i, j] += sum over s of x[i, s] * x[j, s] for j <= i, of `count` samples. x: [depth, stride], depth and stride
// multiples of 4 and 16, samples from `count` on up to the next multiple of 16 are zero. |x| <= 255, count <= 32768, so
// that int32 holds what one call adds. Only rows i in [first, last) are computed, multiples of 4.
void add_products(const std::int16_t* x, std::size_t depth, std::size_t stride, std::size_t count, std::size_t first,
                  std::size_t last, std::int64_t* sums);

}  // namespace narrow::graph
