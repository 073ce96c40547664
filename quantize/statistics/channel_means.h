// The mean of each channel of a tensor, or of its squares, over calibration images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantize/statistics/exact_sum.h"

namespace narrow::graph {

// Like an Observer: one per thread, merged at the end; the result is the same to the last bit for every order of
// images and every distribution over merged objects. Every image has the same weight.
class ChannelMeans {
 public:
  explicit ChannelMeans(std::size_t channels) : channels_(channels) {}

  // The values of one image, [height, width, channels], finite.
  void observe(std::span<const float> values);
  // The same of their squares.
  void observe_squares(std::span<const float> values);

  // `other` has the same number of channels.
  void merge(const ChannelMeans& other);

  // [channels]; empty when no image was observed.
  [[nodiscard]] std::vector<float> means() const;

 private:
  template <class Change>
  void observe(std::span<const float> values, const Change& change);

  std::size_t channels_;
  std::vector<ExactSum> sums_;  // of the images' means; empty until the first image
  std::vector<double> image_;   // sums within one image
  std::uint64_t images_ = 0;
};

}  // namespace narrow::graph
