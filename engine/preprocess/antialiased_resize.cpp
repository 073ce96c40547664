#include "engine/preprocess/antialiased_resize.h"

#include <algorithm>

#include "base/arithmetic.h"

namespace narrow::engine {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kRowsAtATime = 4;  // what the kernels take best

}  // namespace

void AntialiasedResize::plan(const Sizes& sizes, Interpolation interpolation) {
  sizes_ = {};  // what an exception leaves behind is no plan
  const PixelBox& box = sizes.box;
  std::int64_t most_rows = 1;
  columns_ = {};
  rows_filter_ = {};
  first_row_ = box.top;
  last_row_ = box.top + box.height;
  if (sizes.height != sizes.in_height) {
    rows_filter_ = antialiased_filter({sizes.in_height, sizes.height, box.top, box.height}, interpolation);
    const auto& taps = rows_filter_.taps;
    first_row_ = taps.front().first;
    last_row_ = taps.back().first + taps.back().count;
    for (const kernels::ResizeTap& tap : taps) most_rows = std::max(most_rows, tap.count);
  }
  first_pixel_ = box.left;
  last_pixel_ = box.left + box.width;
  if (sizes.width != sizes.in_width) {
    columns_ = antialiased_filter({sizes.in_width, sizes.width, box.left, box.width}, interpolation);
    first_pixel_ = columns_.taps.front().first;
    last_pixel_ = columns_.taps.back().first + columns_.taps.back().count;
  }
  // The horizontal pass may be kRowsAtATime - 1 rows ahead of what the vertical pass reads.
  kept_rows_ = base::round_up(most_rows + kRowsAtATime - 1, kRowsAtATime);
  narrowed_.resize(static_cast<std::size_t>(kept_rows_ * box.width * kChannels));
  row_pointers_.resize(static_cast<std::size_t>(most_rows));
  sizes_ = sizes;
  interpolation_ = interpolation;
}

void AntialiasedResize::begin(const PixelRows& rows, const Sizes& sizes, Interpolation interpolation) {
  if (sizes != sizes_ || interpolation != interpolation_) plan(sizes, interpolation);
  workspace_.resize(rows.workspace_bytes(kRowsAtATime));
  source_ = &rows;
  next_in_ = first_row_;
  next_out_ = 0;
}

std::uint8_t* AntialiasedResize::narrowed_row(std::int64_t y) {
  return narrowed_.data() + (y - first_row_) % kept_rows_ * sizes_.box.width * kChannels;
}

void AntialiasedResize::narrow_rows_to(std::int64_t end) {
  const std::int64_t width = sizes_.box.width;
  while (next_in_ < end) {
    const std::int64_t count = std::min(kRowsAtATime, last_row_ - next_in_);
    const PixelRows::Rows in = source_->rows(next_in_, count, first_pixel_, last_pixel_, workspace_);
    std::uint8_t* const out = narrowed_row(next_in_);
    next_in_ += count;
    if (!columns_.taps.empty()) {
      kernels_->resize_rows({.input = in.pixels,
                             .input_stride = in.stride,
                             .input_pixels = sizes_.in_width,
                             .pixel_bytes = in.pixel_bytes,
                             .rows = count,
                             .taps = columns_.taps.data(),
                             .weights = columns_.weights.data(),
                             .output = out,
                             .output_stride = width * kChannels,
                             .output_pixels = width});
      continue;
    }
    for (std::int64_t row = 0; row < count; ++row) {
      const std::uint8_t* pixel = in.pixels + row * in.stride + first_pixel_ * in.pixel_bytes;
      std::uint8_t* to = out + row * width * kChannels;
      if (in.pixel_bytes == kChannels) {
        std::copy_n(pixel, width * kChannels, to);
        continue;
      }
      for (std::int64_t x = 0; x < width; ++x, pixel += in.pixel_bytes, to += kChannels) {
        std::copy_n(pixel, kChannels, to);
      }
    }
  }
}

void AntialiasedResize::next_row(std::uint8_t* out) {
  const std::int64_t elems = sizes_.box.width * kChannels;
  const std::int64_t y = next_out_++;
  if (rows_filter_.taps.empty()) {
    narrow_rows_to(first_row_ + y + 1);
    std::copy_n(narrowed_row(first_row_ + y), elems, out);
    return;
  }
  const kernels::ResizeTap& tap = rows_filter_.taps[static_cast<std::size_t>(y)];
  narrow_rows_to(tap.first + tap.count);
  for (std::int64_t i = 0; i < tap.count; ++i) {
    row_pointers_[static_cast<std::size_t>(i)] = narrowed_row(tap.first + i);
  }
  kernels_->resize_columns({.rows = row_pointers_.data(),
                            .weights = rows_filter_.weights.data() + tap.offset,
                            .count = tap.count,
                            .elems = elems,
                            .output = out});
}

}  // namespace narrow::engine
