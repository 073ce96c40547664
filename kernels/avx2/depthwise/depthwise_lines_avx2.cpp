// The lines of depthwise kernels: the plan of their buffers, and their interleaving when they are first requested.
#include "base/arithmetic.h"
#include "kernels/avx2/shared/depthwise_avx2.h"

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kNone = INT64_MIN;
constexpr std::int64_t kPaddingBytes = kMostPanels * kDepthwiseChannels;

std::int64_t greatest_common_divisor(std::int64_t a, std::int64_t b) {
  while (b != 0) {
    const std::int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

}  // namespace

std::int64_t touched_pixels(const ConvolutionShape& shape, std::int64_t outputs) {
  return (outputs - 1) * shape.stride_w + (std::int64_t{shape.kernel_w} - 1) * shape.dilation_w + 1;
}

LinePlan plan_lines(const ConvolutionShape& shape, const LineForm& form, int panels, int tile_pixels) {
  constexpr std::int64_t kLinesBytes = 24 * 1024;  // the rest of a small L1 is for weights and rows of the image
  LinePlan plan;
  const auto groups = [&](std::int64_t rows) { return (rows + form.rows - 1) / form.rows; };
  plan.groups = groups(shape.kernel_h);
  const bool two_rows = shape.dilation_h == 1 && groups(std::int64_t{shape.kernel_h} + shape.stride_h) == plan.groups;
  plan.output_rows = two_rows ? 2 : 1;
  const std::int64_t group_step = form.rows * std::int64_t{shape.dilation_h};
  plan.line_step = plan.groups > 1 ? greatest_common_divisor(shape.stride_h, group_step) : shape.stride_h;
  plan.row_lines = shape.stride_h / plan.line_step;
  plan.group_lines = plan.groups > 1 ? group_step / plan.line_step : 0;
  plan.slots = (plan.groups - 1) * plan.group_lines + 1;
  // The number of column parts that makes lines fit. Each part has at least two tiles.
  const std::int64_t most_parts = base::clamped(shape.out_w / (2 * tile_pixels), 1, shape.out_w);
  const std::int64_t bytes = plan.slots * panels * touched_pixels(shape, shape.out_w) * form.pixel_bytes;
  plan.column_parts = static_cast<int>(base::clamped((bytes + kLinesBytes - 1) / kLinesBytes, 1, most_parts));
  const std::int64_t columns = (shape.out_w + plan.column_parts - 1) / plan.column_parts;
  plan.output_columns = static_cast<int>(base::round_up(columns, tile_pixels));
  // The distance between lines is not a multiple of 4 KiB. Otherwise all lines would use the same few ways of an L1
  // set.
  plan.panel_bytes = base::round_up(touched_pixels(shape, plan.output_columns) * form.pixel_bytes, 256) + 64;
  plan.line_bytes = panels * plan.panel_bytes;
  const std::int64_t table_bytes = base::round_up(plan.slots * std::int64_t{sizeof(std::int64_t)}, 64);
  plan.workspace_bytes = table_bytes + kPaddingBytes + plan.slots * plan.line_bytes;
  return plan;
}

DepthwiseLines::DepthwiseLines(const ConvolutionProblem& problem, const LineForm& form, const LinePlan& plan,
                               const LineSource& source, std::byte* workspace)
    : problem_(problem),
      form_(form),
      plan_(plan),
      source_(source),
      made_(reinterpret_cast<std::int64_t*>(workspace)),
      padding_(reinterpret_cast<std::uint8_t*>(workspace) + plan.workspace_bytes - plan.slots * plan.line_bytes -
               kPaddingBytes),
      lines_(padding_ + kPaddingBytes) {
  for (std::int64_t slot = 0; slot < plan.slots; ++slot) made_[slot] = kNone;
  std::memset(padding_, problem.input_zero_point, kPaddingBytes);
}

const std::uint8_t* DepthwiseLines::line(std::int64_t index) {
  // A division of 32 bits takes a third of the time of one of 64 bits. An image has fewer rows than 2^32.
  const std::uint32_t slot = static_cast<std::uint32_t>(index) % static_cast<std::uint32_t>(plan_.slots);
  std::uint8_t* const at = lines_ + slot * plan_.line_bytes;
  if (made_[slot] != index) {
    fill(index * plan_.line_step - problem_.shape.pad.top, at);
    made_[slot] = index;
  }
  return at;
}

void DepthwiseLines::fill(std::int64_t first, std::uint8_t* to) const {
  const ConvolutionShape& shape = problem_.shape;
  const std::int64_t pixels = touched_pixels(shape, source_.outputs);
  const std::int64_t left = shape.pad.left - std::int64_t{source_.first_output} * shape.stride_w;
  // Pixels [begin, end) of the line lie inside the image.
  const std::int64_t begin = base::clamped(left, 0, pixels);
  const std::int64_t end = base::clamped(shape.in_w + left, begin, pixels);
  LineRows padding{};
  LineRows rows{};
  for (int i = 0; i < form_.rows; ++i) {
    const std::int64_t y = first + std::int64_t{i} * shape.dilation_h;
    const bool inside = y >= 0 && y < source_.end_row && begin < end;
    padding.row[i] = padding_;
    rows.row[i] = inside ? source_.image + (y * shape.in_w + begin - left) * shape.in_c : padding_;
    rows.step[i] = inside ? shape.in_c : 0;
  }
  const auto make = [&](const LineRows& from, std::int64_t from_pixel, std::int64_t to_pixel) {
    if (from_pixel == to_pixel) return;
    form_.interleave(from, to_pixel - from_pixel, source_.channels, to + from_pixel * form_.pixel_bytes,
                     plan_.panel_bytes);
  };
  make(padding, 0, begin);
  make(rows, begin, end);
  make(padding, end, pixels);
}

}  // namespace narrow::kernels::avx2
