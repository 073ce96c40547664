#include "quantize/statistics/channel_extremes.h"

#include <algorithm>

namespace narrow::graph {

void ChannelExtremes::observe(std::size_t channels, std::span<const float> values) {
  smallest.resize(channels);
  largest.resize(channels);
  for (std::size_t first = 0; first + channels <= values.size(); first += channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      const float value = values[first + c];
      smallest[c] = std::min(smallest[c], value);
      largest[c] = std::max(largest[c], value);
    }
  }
}

void ChannelExtremes::merge(const ChannelExtremes& other) {
  if (other.largest.empty()) return;
  observe(other.largest.size(), other.smallest);
  observe(other.largest.size(), other.largest);
}

}  // namespace narrow::graph
