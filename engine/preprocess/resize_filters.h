// The input pixels of each output pixel along one axis of a resize, with their weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/pixels.h"
#include "narrow/preprocess.h"

namespace narrow::engine {

// One axis: output pixels [begin, begin + count) of an axis of `out_size` pixels that has `in_size` pixels before.
struct ResizeAxis {
  std::int64_t in_size = 0;
  std::int64_t out_size = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

struct Filter {
  std::vector<kernels::ResizeTap> taps;  // one per output pixel
  // Of each output pixel: their sum is about 2^kResizeWeightBits. Zeros follow, as the kernels require it.
  std::vector<std::int32_t> weights;
};

// Pillow's filter (src/libImaging/Resample.c), for all but kNearest. It is stretched by the reduction, so that every
// input pixel has a weight (antialiasing). The integers are Pillow's to the last bit.
[[nodiscard]] Filter antialiased_filter(const ResizeAxis& axis, Interpolation interpolation);

// OpenCV's filter (modules/imgproc/src/resize.cpp: INTER_LINEAR, INTER_CUBIC with a = -0.75, INTER_AREA), for
// kBilinear, kBicubic and kArea. The first two read 2 and 4 input pixels at any reduction.
// shrinks: no axis grows. Only then is kArea the mean of the covered area.
[[nodiscard]] Filter plain_filter(const ResizeAxis& axis, Interpolation interpolation, bool shrinks);

}  // namespace narrow::engine
