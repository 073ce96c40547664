// How an input of Add, Subtract or Multiply is read: a dimension of 1 is repeated over the output's.
#pragma once

#include <cstdint>

#include "narrow/types.h"

namespace narrow::engine {

class BroadcastInput {
 public:
  // in fits out: each dimension is equal, or 1 in `in`.
  BroadcastInput(const TensorShape& in, const TensorShape& out)
      : is_dense_(in == out),
        picture_stride_(in.elems()),
        row_stride_(in.height == out.height ? in.width * in.channels : 0),
        pixel_stride_(in.width == out.width ? in.channels : 0),
        channel_stride_(in.channels == out.channels ? 1 : 0) {}

  // Nothing is repeated.
  [[nodiscard]] bool is_dense() const { return is_dense_; }
  // Elements from the tensor's begin to the first one that goes into row y of picture n.
  [[nodiscard]] std::int64_t row_offset(std::int64_t n, std::int64_t y) const {
    return n * picture_stride_ + y * row_stride_;
  }
  // Elements to what goes into the next pixel, and into the next channel: 0 where one is repeated.
  [[nodiscard]] std::int64_t pixel_stride() const { return pixel_stride_; }
  [[nodiscard]] std::int64_t channel_stride() const { return channel_stride_; }

 private:
  bool is_dense_;
  std::int64_t picture_stride_;
  std::int64_t row_stride_;
  std::int64_t pixel_stride_;
  std::int64_t channel_stride_;
};

}  // namespace narrow::engine
