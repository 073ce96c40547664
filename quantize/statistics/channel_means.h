// The mean of each channel of a tensor over calibration pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantize/statistics/exact_sum.h"

namespace narrow::graph {

// Like an Observer: one per thread, merged at the end; the result is the same to the last bit for every order of
// pictures and every distribution over merged objects. Every picture has the same weight.
class ChannelMeans {
 public:
  explicit ChannelMeans(std::size_t channels) : channels_(channels) {}

  // The values of one image, [height, width, channels], finite.
  void observe(std::span<const float> values);

  // `other` has the same number of channels.
  void merge(const ChannelMeans& other);

  // [channels]; empty when no picture was observed.
  [[nodiscard]] std::vector<float> means() const;

 private:
  std::size_t channels_;
  std::vector<ExactSum> sums_;   // of the pictures' means; empty until the first picture
  std::vector<double> picture_;  // sums within one picture
  std::uint64_t pictures_ = 0;
};

}  // namespace narrow::graph
