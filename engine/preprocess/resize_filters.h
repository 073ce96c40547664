// The input pixels of each output pixel along one axis of a resize, with their weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "narrow/preprocess.h"

namespace narrow::engine {

// Bits of the fixed-point weights: 32, minus 8 for the pixel, minus 2 of headroom.
inline constexpr int kWeightBits = 32 - 8 - 2;

// One axis: output pixels [begin, begin + count) of an axis of `out_size` pixels that has `in_size` pixels before.
struct ResizeAxis {
  std::int64_t in_size = 0;
  std::int64_t out_size = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

struct Filter {
  struct Tap {
    std::int64_t first = 0;  // input pixel
    std::size_t count = 0;   // weights, at `offset`
    std::size_t offset = 0;
  };
  std::vector<Tap> taps;              // one per output pixel
  std::vector<std::int32_t> weights;  // of each output pixel: their sum is about 2^kWeightBits
};

// Pillow's filter (src/libImaging/Resample.c), for all but kNearest. It is stretched by the reduction, so that every
// input pixel has a weight (antialiasing). The integers are Pillow's to the last bit.
[[nodiscard]] Filter antialiased_filter(const ResizeAxis& axis, Interpolation interpolation);

// OpenCV's filter (modules/imgproc/src/resize.cpp: INTER_LINEAR, INTER_CUBIC with a = -0.75, INTER_AREA), for
// kBilinear, kBicubic and kArea. The first two read 2 and 4 input pixels at any reduction.
// shrinks: no axis grows. Only then is kArea the mean of the covered area.
[[nodiscard]] Filter plain_filter(const ResizeAxis& axis, Interpolation interpolation, bool shrinks);

}  // namespace narrow::engine
