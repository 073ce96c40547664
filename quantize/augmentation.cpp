#include "quantize/augmentation.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {
namespace {

constexpr double kZoom = 0.25;   // largest enlargement
constexpr double kMove = 0.125;  // of the size, in each direction
constexpr double kMixed = 0.5;   // of the results

}  // namespace

Augmentation::Augmentation(const TensorShape& shape)
    : shape_(shape), rows_(static_cast<std::size_t>(shape.height)), columns_(static_cast<std::size_t>(shape.width)) {}

void Augmentation::draw_places(std::int64_t size, double zoom, bool is_mirrored, SplitMix& random,
                               std::vector<Place>& places) {
  const auto last = static_cast<double>(size - 1);
  const double middle = last / 2 + (2 * random.unit() - 1) * kMove * static_cast<double>(size);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double from_middle = (static_cast<double>(i) - last / 2) / zoom;
    const double at = std::clamp(is_mirrored ? middle - from_middle : middle + from_middle, 0.0, last);
    const double first = std::floor(at);
    places[i] = {static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(first + 1, last)),
                 static_cast<float>(at - first)};
  }
}

void Augmentation::add(std::span<const float> image, float keep, float share, SplitMix& random,
                       std::span<float> result) {
  const double zoom = 1 + kZoom * random.unit();
  const bool is_mirrored = random.below(2) == 1;
  draw_places(shape_.height, zoom, false, random, rows_);
  draw_places(shape_.width, zoom, is_mirrored, random, columns_);
  const auto channels = static_cast<std::size_t>(shape_.channels);
  const std::size_t row_size = columns_.size() * channels;
  float* out = result.data();
  for (const Place& row : rows_) {
    const float* const above = image.data() + row.first * row_size;
    const float* const below = image.data() + row.second * row_size;
    for (const Place& column : columns_) {
      const std::size_t left = column.first * channels;
      const std::size_t right = column.second * channels;
      for (std::size_t c = 0; c < channels; ++c, ++out) {
        const float a = above[left + c] + column.share * (above[right + c] - above[left + c]);
        const float b = below[left + c] + column.share * (below[right + c] - below[left + c]);
        *out = keep * *out + share * (a + row.share * (b - a));
      }
    }
  }
}

void Augmentation::make(std::span<const float> image, std::span<const float> other, SplitMix& random,
                        std::span<float> result) {
  std::fill(result.begin(), result.end(), 0.0F);
  const bool is_mixed = random.unit() < kMixed;
  const auto share = static_cast<float>(is_mixed ? random.unit() : 1);
  add(image, 0, share, random, result);
  if (is_mixed) add(other, 1, 1 - share, random, result);
}

}  // namespace narrow::graph
