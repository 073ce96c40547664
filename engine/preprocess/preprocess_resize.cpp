#include "engine/preprocess/preprocess_resize.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/try.h"
#include "engine/isa/isa_choice.h"
#include "engine/preprocess/antialiased_resize.h"
#include "engine/preprocess/pixel_rows.h"
#include "engine/preprocess/resize_filters.h"
#include "kernels/pixels.h"
#include "narrow/image_view.h"

namespace narrow::engine {
namespace {

constexpr std::size_t kChannels = 3;

Picture resize_antialiased(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                           Interpolation interpolation) {
  const kernels::PixelKernels& kernels = kernels::pixel_kernels(fastest_isa());
  const PixelRows rows(view_of(image), kernels);
  AntialiasedResize resize(kernels);
  resize.begin(rows, {image.width, image.height, width, height, box}, interpolation);
  Picture result{static_cast<int>(box.width), static_cast<int>(box.height), {}};
  const std::size_t row_elems = static_cast<std::size_t>(box.width) * kChannels;
  result.rgb.resize(static_cast<std::size_t>(box.height) * row_elems);
  for (std::size_t at = 0; at < result.rgb.size(); at += row_elems) resize.next_row(result.rgb.data() + at);
  return result;
}

// OpenCV rounds once, after both passes. Between them a value has 14 bits after the point: 8 + 22 bits less these 8.
constexpr int kDroppedBits = 8;
constexpr int kPlainShift = 2 * kernels::kResizeWeightBits - kDroppedBits;

Picture resize_plain(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                     Interpolation interpolation) {
  const bool shrinks = width <= image.width && height <= image.height;
  const Filter columns = plain_filter({image.width, width, box.left, box.width}, interpolation, shrinks);
  const Filter rows = plain_filter({image.height, height, box.top, box.height}, interpolation, shrinks);
  const std::int64_t first_row = rows.taps.front().first;
  const std::int64_t last_row = rows.taps.back().first + rows.taps.back().count;
  const auto row_elems = static_cast<std::size_t>(image.width) * kChannels;
  const auto box_row_elems = static_cast<std::size_t>(box.width) * kChannels;

  std::vector<std::int32_t> narrowed(static_cast<std::size_t>(last_row - first_row) * box_row_elems);
  std::int32_t* sum = narrowed.data();
  for (std::int64_t y = first_row; y < last_row; ++y) {
    const std::uint8_t* const in = image.rgb.data() + static_cast<std::size_t>(y) * row_elems;
    for (const kernels::ResizeTap& tap : columns.taps) {
      const std::uint8_t* const pixels = in + static_cast<std::size_t>(tap.first) * kChannels;
      const std::int32_t* const weights = columns.weights.data() + tap.offset;
      for (std::size_t c = 0; c < kChannels; ++c, ++sum) {
        std::int32_t total = 1 << (kDroppedBits - 1);
        for (std::int64_t i = 0; i < tap.count; ++i)
          total += pixels[i * static_cast<std::int64_t>(kChannels) + static_cast<std::int64_t>(c)] * weights[i];
        *sum = total >> kDroppedBits;
      }
    }
  }

  Picture result{static_cast<int>(box.width), static_cast<int>(box.height), {}};
  result.rgb.resize(static_cast<std::size_t>(box.height) * box_row_elems);
  std::uint8_t* out = result.rgb.data();
  std::vector<std::int64_t> sums(box_row_elems);
  for (const kernels::ResizeTap& tap : rows.taps) {
    std::fill(sums.begin(), sums.end(), std::int64_t{1} << (kPlainShift - 1));
    for (std::int64_t i = 0; i < tap.count; ++i) {
      const std::int64_t weight = rows.weights[static_cast<std::size_t>(tap.offset + i)];
      const std::int32_t* const row =
          narrowed.data() + static_cast<std::size_t>(tap.first - first_row + i) * box_row_elems;
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

Status check_resize(std::int64_t in_width, std::int64_t in_height, std::int64_t width, std::int64_t height) {
  // Below this limit the sums of the fixed-point weights can't leave int32: rounding adds at most half a unit per tap.
  constexpr std::int64_t kMaxReduction = std::int64_t{1} << 20;
  if (width <= kMaxSide && height <= kMaxSide && in_width / width <= kMaxReduction &&
      in_height / height <= kMaxReduction) {
    return {};
  }
  return Error{ErrorCode::kLimit,
               "cannot resize an image of " + std::to_string(in_width) + " x " + std::to_string(in_height) + " to " +
                   std::to_string(width) + " x " + std::to_string(height) + ": a side may have at most " +
                   std::to_string(kMaxSide) + " pixels; crop the image to its content",
               "preprocessing"};
}

Result<Picture> resize_box(const Picture& image, std::int64_t width, std::int64_t height, const PixelBox& box,
                           Interpolation interpolation, bool antialias) {
  NARROW_TRY(check_resize(image.width, image.height, width, height));
  if (interpolation == Interpolation::kNearest) return resize_nearest(image, width, height, box);
  return antialias ? resize_antialiased(image, width, height, box, interpolation)
                   : resize_plain(image, width, height, box, interpolation);
}

}  // namespace narrow::engine
