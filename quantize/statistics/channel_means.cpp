#include "quantize/statistics/channel_means.h"

#include <algorithm>
#include <limits>

namespace narrow::graph {

template <class Change>
void ChannelMeans::observe(std::span<const float> values, const Change& change) {
  const std::size_t channels = channels_;
  if (channels == 0) return;
  sums_.resize(channels);
  image_.assign(channels, 0.0);
  for (std::size_t first = 0; first < values.size(); first += channels) {
    for (std::size_t c = 0; c < channels; ++c) image_[c] += change(double{values[first + c]});
  }
  // Within an image the order is fixed, so that only sums over images have to be exact.
  const std::size_t pixels = values.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = image_[c] / static_cast<double>(pixels);
    sums_[c].add(static_cast<float>(std::min(mean, double{std::numeric_limits<float>::max()})));
  }
  ++images_;
}

void ChannelMeans::observe(std::span<const float> values) {
  observe(values, [](double value) { return value; });
}

void ChannelMeans::observe_squares(std::span<const float> values) {
  observe(values, [](double value) { return value * value; });
}

void ChannelMeans::merge(const ChannelMeans& other) {
  if (other.images_ == 0) return;
  sums_.resize(channels_);
  for (std::size_t c = 0; c < channels_; ++c) sums_[c].add(other.sums_[c]);
  images_ += other.images_;
}

std::vector<float> ChannelMeans::means() const {
  std::vector<float> result;
  result.reserve(sums_.size());
  for (const ExactSum& sum : sums_) {
    result.push_back(static_cast<float>(sum.value() / static_cast<double>(images_)));
  }
  return result;
}

}  // namespace narrow::graph
