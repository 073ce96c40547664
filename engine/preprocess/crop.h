// Which pixels of a resized image become the network's input.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "narrow/preprocess.h"

namespace narrow::engine {

// The position of a centre crop of `crop` pixels along an axis of `size` pixels.
struct CropAxis {
  std::int64_t begin = 0;   // first pixel of the crop
  std::int64_t count = 0;   // pixels of the image in the crop
  std::int64_t before = 0;  // black pixels before them
};

[[nodiscard]] inline CropAxis center_crop(std::int64_t size, std::int64_t crop) {
  if (size < crop) return {0, size, (crop - size) / 2};
  // torchvision's CenterCrop begins at int(round(difference / 2.0)), and Python rounds halves to even.
  const std::int64_t half = (size - crop) / 2;
  const bool up = (size - crop) % 2 != 0 && half % 2 != 0;
  return {up ? half + 1 : half, crop, 0};
}

// Width and height of an image of this size after resizing.
[[nodiscard]] inline std::pair<std::int64_t, std::int64_t> resized_size(int width, int height,
                                                                        const Preprocessing& preprocessing) {
  if (!preprocessing.resize) return {width, height};
  const std::int64_t size = *preprocessing.resize;
  if (preprocessing.resize_width) return {*preprocessing.resize_width, size};
  // torchvision's Resize(int): the longer side is int(size * long / short).
  const std::int64_t longer = size * std::max(width, height) / std::min(width, height);
  return width > height ? std::pair(longer, size) : std::pair(size, longer);
}

}  // namespace narrow::engine
