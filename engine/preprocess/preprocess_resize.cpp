#include "engine/preprocess/preprocess_resize.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/preprocess/resize_filters.h"

namespace narrow::engine {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::int32_t kHalf = std::int32_t{1} << (kWeightBits - 1);

std::uint8_t to_pixel(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

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

Picture resize_antialiased(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                           Interpolation interpolation) {
  const auto row_elems = static_cast<std::size_t>(image.width) * kChannels;
  const auto box_row_elems = static_cast<std::size_t>(box.width) * kChannels;
  const bool vertical = height != image.height;

  Filter rows;
  std::int64_t first_row = box.top;
  std::int64_t last_row = box.top + box.height;
  if (vertical) {
    rows = antialiased_filter({image.height, height, box.top, box.height}, interpolation);
    first_row = rows.taps.front().first;
    last_row = rows.taps.back().first + static_cast<std::int64_t>(rows.taps.back().count);
  }

  // The horizontal pass comes first and computes only the rows that the vertical pass reads.
  std::vector<std::uint8_t> narrowed(static_cast<std::size_t>(last_row - first_row) * box_row_elems);
  Filter columns;
  if (width != image.width) columns = antialiased_filter({image.width, width, box.left, box.width}, interpolation);
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

// OpenCV rounds once, after both passes. Between them a value has 14 bits after the point: 8 + 22 bits less these 8.
constexpr int kDroppedBits = 8;
constexpr int kPlainShift = 2 * kWeightBits - kDroppedBits;

Picture resize_plain(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                     Interpolation interpolation) {
  const bool shrinks = width <= image.width && height <= image.height;
  const Filter columns = plain_filter({image.width, width, box.left, box.width}, interpolation, shrinks);
  const Filter rows = plain_filter({image.height, height, box.top, box.height}, interpolation, shrinks);
  const std::int64_t first_row = rows.taps.front().first;
  const std::int64_t last_row = rows.taps.back().first + static_cast<std::int64_t>(rows.taps.back().count);
  const auto row_elems = static_cast<std::size_t>(image.width) * kChannels;
  const auto box_row_elems = static_cast<std::size_t>(box.width) * kChannels;

  std::vector<std::int32_t> narrowed(static_cast<std::size_t>(last_row - first_row) * box_row_elems);
  std::int32_t* sum = narrowed.data();
  for (std::int64_t y = first_row; y < last_row; ++y) {
    const std::uint8_t* const in = image.rgb.data() + static_cast<std::size_t>(y) * row_elems;
    for (const Filter::Tap& tap : columns.taps) {
      const std::uint8_t* const pixels = in + static_cast<std::size_t>(tap.first) * kChannels;
      const std::int32_t* const weights = columns.weights.data() + tap.offset;
      for (std::size_t c = 0; c < kChannels; ++c, ++sum) {
        std::int32_t total = 1 << (kDroppedBits - 1);
        for (std::size_t i = 0; i < tap.count; ++i) total += pixels[i * kChannels + c] * weights[i];
        *sum = total >> kDroppedBits;
      }
    }
  }

  Picture result{static_cast<int>(box.width), static_cast<int>(box.height), {}};
  result.rgb.resize(static_cast<std::size_t>(box.height) * box_row_elems);
  std::uint8_t* out = result.rgb.data();
  std::vector<std::int64_t> sums(box_row_elems);
  for (const Filter::Tap& tap : rows.taps) {
    std::fill(sums.begin(), sums.end(), std::int64_t{1} << (kPlainShift - 1));
    for (std::size_t i = 0; i < tap.count; ++i) {
      const std::int64_t weight = rows.weights[tap.offset + i];
      const std::int32_t* const row =
          narrowed.data() + (static_cast<std::size_t>(tap.first - first_row) + i) * box_row_elems;
      for (std::size_t x = 0; x < box_row_elems; ++x) sums[x] += row[x] * weight;
    }
    for (const std::int64_t total : sums) {
      *out++ = static_cast<std::uint8_t>(std::clamp<std::int64_t>(total >> kPlainShift, 0, 255));
    }
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
                           Interpolation interpolation, bool antialias) {
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
  if (interpolation == Interpolation::kNearest) return resize_nearest(image, width, height, box);
  return antialias ? resize_antialiased(image, width, height, box, interpolation)
                   : resize_plain(image, width, height, box, interpolation);
}

}  // namespace narrow::engine
