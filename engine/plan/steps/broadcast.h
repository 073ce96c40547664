// Offsets and strides of an input of an operator on two tensors, whose dimensions of 1 are repeated.
#pragma once

#include <cstdint>

#include "narrow/types.h"

namespace narrow::engine {

class BroadcastInput {
 public:
  // Precondition: each dimension is equal in both, or 1 in `in`.
  BroadcastInput(const TensorShape& in, const TensorShape& out)
      : is_dense_(in == out),
        image_stride_(in.elems()),
        row_stride_(in.height == out.height ? in.width * in.channels : 0),
        pixel_stride_(in.width == out.width ? in.channels : 0),
        channel_stride_(in.channels == out.channels ? 1 : 0) {}

  // Whether no dimension is repeated.
  [[nodiscard]] bool is_dense() const { return is_dense_; }
  // Offset, in elements, of the first element for row y of image n.
  [[nodiscard]] std::int64_t row_offset(std::int64_t n, std::int64_t y) const {
    return n * image_stride_ + y * row_stride_;
  }
  // Distance, in elements, to the next pixel and to the next channel. It is 0 where the dimension is repeated.
  [[nodiscard]] std::int64_t pixel_stride() const { return pixel_stride_; }
  [[nodiscard]] std::int64_t channel_stride() const { return channel_stride_; }

 private:
  bool is_dense_;
  std::int64_t image_stride_;
  std::int64_t row_stride_;
  std::int64_t pixel_stride_;
  std::int64_t channel_stride_;
};

}  // namespace narrow::engine
