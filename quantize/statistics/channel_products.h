// The mean of the product of every two channels of a tensor, over calibration images.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "narrow/result.h"

namespace narrow::graph {

// A statistic of Activations::collect(): its sums round, so shards are merged in their order.
class ChannelProducts {
 public:
  // channels: 0, the tensor is not of interest, and nothing is computed.
  explicit ChannelProducts(std::size_t channels) : channels_(channels) {}

  // The values of one image, [height, width, channels]. False: one is not finite.
  bool observe(std::span<const float> values);
  // `other` has the same number of channels.
  Status merge(const ChannelProducts& other);

  // [channels, channels], symmetric; of all positions of all images. Empty when there was none.
  [[nodiscard]] std::vector<double> means() const;

 private:
  std::size_t channels_;
  std::vector<double> sums_;  // [channels, channels], the lower triangle; empty until the first image
  std::vector<double> pixel_;
  double positions_ = 0;
};

}  // namespace narrow::graph
