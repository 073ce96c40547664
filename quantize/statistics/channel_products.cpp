#include "quantize/statistics/channel_products.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {

bool ChannelProducts::observe(std::span<const float> values) {
  if (channels_ == 0) return true;
  sums_.resize(channels_ * channels_);
  pixel_.resize(channels_);
  double largest = 0;
  for (std::size_t first = 0; first < values.size(); first += channels_) {
    for (std::size_t c = 0; c < channels_; ++c) pixel_[c] = double{values[first + c]};
    for (std::size_t a = 0; a < channels_; ++a) {
      const double x = pixel_[a];
      double* const row = sums_.data() + a * channels_;
      for (std::size_t b = 0; b <= a; ++b) row[b] += x * pixel_[b];
      largest += std::abs(x);
    }
    positions_ += 1;
  }
  return std::isfinite(largest);
}

Status ChannelProducts::merge(const ChannelProducts& other) {
  if (other.sums_.empty()) return {};
  sums_.resize(other.sums_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  positions_ += other.positions_;
  return {};
}

std::vector<double> ChannelProducts::means() const {
  std::vector<double> result(sums_.size());
  if (result.empty()) return result;
  for (std::size_t a = 0; a < channels_; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const double mean = sums_[a * channels_ + b] / positions_;
      result[a * channels_ + b] = mean;
      result[b * channels_ + a] = mean;
    }
  }
  return result;
}

}  // namespace narrow::graph
