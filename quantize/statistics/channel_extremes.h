// The smallest and the largest value of each channel of a tensor over calibration images.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace narrow::graph {

// Like an Observer: one per thread, merged at the end; the result is the same for every order of images.
struct ChannelExtremes {
  // [channels]; zero is always among the values. Empty: nothing was observed.
  std::vector<float> smallest;
  std::vector<float> largest;

  // The values of one image, [height, width, channels], finite.
  void observe(std::size_t channels, std::span<const float> values);

  void merge(const ChannelExtremes& other);
};

}  // namespace narrow::graph
