// Loops over two tensors, element by element. A dimension that is 1 in one of them is repeated to the size of the
// other.
#pragma once

#include <cstdint>

#include "narrow/types.h"

namespace narrow::graph {

// For i in [0, count), element output[output + i] is computed from a[a + i * a_step] and b[b + i * b_step]. Steps are 0
// or 1, and at most one of them is 0.
struct BroadcastRun {
  std::int64_t a = 0;
  std::int64_t a_step = 1;
  std::int64_t b = 0;
  std::int64_t b_step = 1;
  std::int64_t output = 0;
  std::int64_t count = 0;
};

// Calls visit(BroadcastRun) until the whole output is visited: once for tensors of the same shape, otherwise once for
// each pixel.
template <class Visit>
void for_each_run(const TensorShape& a, const TensorShape& b, const TensorShape& out, const Visit& visit) {
  if (a == b) return visit(BroadcastRun{.count = out.elems()});
  const auto start = [](const TensorShape& shape, std::int64_t y, std::int64_t x) {
    return ((shape.height == 1 ? 0 : y) * shape.width + (shape.width == 1 ? 0 : x)) * shape.channels;
  };
  const auto step = [&](const TensorShape& shape) { return std::int64_t{shape.channels == out.channels ? 1 : 0}; };
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      visit(BroadcastRun{start(a, y, x), step(a), start(b, y, x), step(b), (y * out.width + x) * out.channels,
                         out.channels});
    }
  }
}

}  // namespace narrow::graph
