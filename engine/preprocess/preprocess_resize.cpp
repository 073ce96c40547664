#include "engine/preprocess/preprocess_resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace narrow::engine {
namespace {

constexpr std::size_t kChannels = 3;
// Bits of the fixed-point coefficients: 32, minus 8 for the pixel, minus 2 of headroom.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = std::int32_t{1} << (kPrecisionBits - 1);

// The input pixels and weights of each output pixel along one axis.
struct Filter {
  struct Tap {
    std::int64_t first = 0;  // input pixel
    std::size_t count = 0;   // weights, at `offset`
    std::size_t offset = 0;
  };
  std::vector<Tap> taps;
  std::vector<std::int32_t> weights;
};

// Pillow rounds by adding a half and truncating. Any other rounding would give other bytes.
std::int64_t cut(double value) { return static_cast<std::int64_t>(value); }

// The triangle filter for the output pixels [begin, begin + count) of `out_size`. It is stretched by the reduction, so
// that every input pixel has a weight (antialiasing).
Filter triangle_filter(std::int64_t in_size, std::int64_t out_size, std::int64_t begin, std::int64_t count) {
  Filter filter;
  filter.taps.reserve(static_cast<std::size_t>(count));
  const double scale = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double support = std::max(scale, 1.0);
  const double inverse = 1.0 / support;
  std::vector<double> real;
  for (std::int64_t out = begin; out < begin + count; ++out) {
    const double center = (static_cast<double>(out) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, cut(center - support + 0.5));
    const auto last = std::min(in_size, cut(center + support + 0.5));
    real.clear();
    double sum = 0.0;
    for (std::int64_t in = first; in < last; ++in) {
      const double distance = std::fabs((static_cast<double>(in) - center + 0.5) * inverse);
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      real.push_back(weight);
      sum += weight;
    }
    const std::size_t offset = filter.weights.size();
    for (double weight : real) {
      if (sum != 0.0) weight /= sum;
      filter.weights.push_back(static_cast<std::int32_t>(cut(0.5 + weight * (1 << kPrecisionBits))));
    }
    filter.taps.push_back({first, real.size(), offset});
  }
  return filter;
}

std::uint8_t to_pixel(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

// One row: out[x] = sum of weights * in, [count, 3] from [in_width, 3].
void resample_row(const std::uint8_t* in, const Filter& filter, std::uint8_t* out) {
  for (const Filter::Tap& tap : filter.taps) {
    const std::uint8_t* pixel = in + static_cast<std::size_t>(tap.first) * kChannels;
    const std::int32_t* weight = filter.weights.data() + tap.offset;
    std::int32_t red = kHalf;
    std::int32_t green = kHalf;
    std::int32_t blue = kHalf;
    for (std::size_t i = 0; i < tap.count; ++i, pixel += kChannels) {
      red += pixel[0] * weight[i];
      green += pixel[1] * weight[i];
      blue += pixel[2] * weight[i];
    }
    out[0] = to_pixel(red);
    out[1] = to_pixel(green);
    out[2] = to_pixel(blue);
    out += kChannels;
  }
}

// out[y] = sum of weights * rows. Rows have `row_elems` bytes, and the first one is row `first_row` of the image.
void resample_columns(const std::uint8_t* rows, std::int64_t first_row, std::size_t row_elems, const Filter& filter,
                      std::uint8_t* out) {
  std::vector<std::int32_t> sums(row_elems);
  for (const Filter::Tap& tap : filter.taps) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (std::size_t i = 0; i < tap.count; ++i) {
      const std::int32_t weight = filter.weights[tap.offset + i];
      const std::uint8_t* row = rows + (static_cast<std::size_t>(tap.first - first_row) + i) * row_elems;
      for (std::size_t x = 0; x < row_elems; ++x) sums[x] += row[x] * weight;
    }
    std::transform(sums.begin(), sums.end(), out, to_pixel);
    out += row_elems;
  }
}

Picture resize_bilinear(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box) {
  const auto row_elems = static_cast<std::size_t>(image.width) * kChannels;
  const auto box_row_elems = static_cast<std::size_t>(box.width) * kChannels;
  const bool vertical = height != image.height;

  Filter rows;
  std::int64_t first_row = box.top;
  std::int64_t last_row = box.top + box.height;
  if (vertical) {
    rows = triangle_filter(image.height, height, box.top, box.height);
    first_row = rows.taps.front().first;
    last_row = rows.taps.back().first + static_cast<std::int64_t>(rows.taps.back().count);
  }

  // The horizontal pass comes first and computes only the rows that the vertical pass reads.
  std::vector<std::uint8_t> narrowed(static_cast<std::size_t>(last_row - first_row) * box_row_elems);
  Filter columns;
  if (width != image.width) columns = triangle_filter(image.width, width, box.left, box.width);
  for (std::int64_t y = first_row; y < last_row; ++y) {
    const std::uint8_t* in = image.rgb.data() + static_cast<std::size_t>(y) * row_elems;
    std::uint8_t* out = narrowed.data() + static_cast<std::size_t>(y - first_row) * box_row_elems;
    if (width != image.width) {
      resample_row(in, columns, out);
    } else {
      std::copy_n(in + static_cast<std::size_t>(box.left) * kChannels, box_row_elems, out);
    }
  }

  Picture result{static_cast<int>(box.width), static_cast<int>(box.height), std::move(narrowed)};
  if (vertical) {
    std::vector<std::uint8_t> resized(static_cast<std::size_t>(box.height) * box_row_elems);
    resample_columns(result.rgb.data(), first_row, box_row_elems, rows, resized.data());
    result.rgb = std::move(resized);
  }
  return result;
}

// The input pixel of each output pixel [begin, begin + count): the one under its centre. Positions are accumulated in
// double, as in Pillow, so that they round to the same pixel.
std::vector<std::int64_t> nearest_positions(std::int64_t in_size, std::int64_t out_size, std::int64_t begin,
                                            std::int64_t count) {
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(count));
  const double step = static_cast<double>(in_size) / static_cast<double>(out_size);
  double position = step * 0.5;
  for (std::int64_t out = 0; out < begin + count; ++out, position += step) {
    if (out >= begin) positions.push_back(static_cast<std::int64_t>(position));
  }
  return positions;
}

Picture resize_nearest(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box) {
  const std::vector<std::int64_t> columns = nearest_positions(image.width, width, box.left, box.width);
  const std::vector<std::int64_t> rows = nearest_positions(image.height, height, box.top, box.height);
  Picture result{static_cast<int>(box.width), static_cast<int>(box.height), {}};
  // Accumulated rounding may lead just past the last pixel. That output pixel stays black, as in Pillow.
  result.rgb.assign(columns.size() * rows.size() * kChannels, 0);
  std::uint8_t* out = result.rgb.data();
  for (const std::int64_t y : rows) {
    const std::uint8_t* row =
        image.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) * kChannels;
    for (const std::int64_t x : columns) {
      if (y < image.height && x < image.width)
        std::copy_n(row + static_cast<std::size_t>(x) * kChannels, kChannels, out);
      out += kChannels;
    }
  }
  return result;
}

}  // namespace

Result<Picture> resize_box(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                           Interpolation interpolation) {
  // Below this limit the sums of the fixed-point weights can't leave int32: rounding adds at most half a unit per tap.
  constexpr std::int64_t kMaxReduction = std::int64_t{1} << 20;
  if (width > kMaxSide || height > kMaxSide || image.width / width > kMaxReduction ||
      image.height / height > kMaxReduction) {
    return Error{ErrorCode::kLimit,
                 "cannot resize an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                     " to " + std::to_string(width) + " x " + std::to_string(height) + ": a side may have at most " +
                     std::to_string(kMaxSide) + " pixels; crop the image to its content",
                 "preprocessing"};
  }
  return interpolation == Interpolation::kNearest ? resize_nearest(image, width, height, box)
                                                  : resize_bilinear(image, width, height, box);
}

}  // namespace narrow::engine
