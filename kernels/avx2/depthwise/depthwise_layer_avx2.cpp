// A depthwise layer but for its lines (depthwise_lines_avx2.cpp): packed panels, the estimate, and the loops over panel
// sets and rows that call a kernel's tiles.
#include "kernels/avx2/shared/depthwise_avx2.h"

#include <bit>
#include <cstring>

#include "kernels/avx2/depthwise/depthwise_pairs_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr std::size_t kSlackBytes = 64;  // may be read after the last pixel of padding
constexpr int kChannels = static_cast<int>(kDepthwiseChannels);

struct Layout {
  Layout(const DepthwiseForm& form, const ConvolutionProblem& problem)
      : panels(problem.output_type == OutputType::kUint8 && problem.shape.out_w >= form.tile_pixels ? form.panels : 1),
        plan(plan_lines(problem.shape, form.line, panels, form.tile_pixels)),
        weight_step(plan.output_rows * form.line.pixel_bytes),
        panel_bytes(kDepthwiseHeadBytes + plan.groups * problem.shape.kernel_w * weight_step) {}

  int panels;  // of a block, at most
  LinePlan plan;
  std::int64_t weight_step;
  std::int64_t panel_bytes;
};

int panels_of(int channels) { return (channels + kChannels - 1) / kChannels; }

// The channels of the block that begins at `channel`.
int block_channels(const Layout& layout, const ConvolutionShape& shape, int channel) {
  const int left = shape.out_c - channel;
  int panels = layout.panels;
  while (panels > 1 && panels * kChannels > left) panels /= 2;
  return left < kChannels ? left : panels * kChannels;
}

// The index of the packed panel where the block that begins at `channel` starts. A block that is repeated takes the
// panels of a whole block.
std::int64_t packed_panel(const DepthwiseForm& form, int channel) {
  if (form.run_rows == nullptr) return channel / kChannels;
  const int whole = form.panels * kChannels;
  // Among the last channels, each bit of the number of panels is a block.
  const auto before = static_cast<unsigned>(channel % whole / kChannels);
  return std::int64_t{form.panels} * (channel / whole + std::popcount(before));
}

// The weights of one channel for output row `output_row` of the rows that are computed together. `to` is the address of
// its first tap group, column and row.
template <class Weight>
void pack_weights(const DepthwiseForm& form, const ConvolutionShape& shape, const Layout& layout, int output_row,
                  const std::int8_t* weights, std::byte* to) {
  Weight* const first = reinterpret_cast<Weight*>(to);
  const std::int64_t step = layout.weight_step / std::int64_t{sizeof(Weight)};
  for (std::int64_t row = 0; row < shape.kernel_h; ++row) {
    const std::int64_t at = row + std::int64_t{output_row} * shape.stride_h;  // index among the rows of the tap groups
    for (std::int64_t column = 0; column < shape.kernel_w; ++column) {
      first[(at / form.line.rows * shape.kernel_w + column) * step + at % form.line.rows] =
          Weight{weights[row * shape.kernel_w + column]};
    }
  }
}

// lane: index in the panel.
void pack_channel(const DepthwiseForm& form, const ConvolutionProblem& problem, const Layout& layout, int c, int lane,
                  std::byte* panel) {
  const ConvolutionShape& shape = problem.shape;
  const auto bias = static_cast<std::int32_t>(folded_bias(problem, c));
  float* const multiplier = reinterpret_cast<float*>(panel + kDepthwiseMultiplier) + form.place(lane);
  *multiplier = form.bias == DepthwiseBias::kInt32 ? problem.multiplier[c] : problem.multiplier[c] / 65536.0F;
  switch (form.bias) {
    case DepthwiseBias::kInt32:
      reinterpret_cast<std::int32_t*>(panel)[form.place(lane)] = bias;
      break;
    case DepthwiseBias::kInt16:
      reinterpret_cast<std::int16_t*>(panel)[form.weight_place(lane)] = static_cast<std::int16_t>(bias);
      break;
    case DepthwiseBias::kFloat:
      reinterpret_cast<float*>(panel)[form.place(lane)] = static_cast<float>(bias) * 65536.0F;
      break;
  }
  const std::int8_t* const weights = problem.weights + c * shape.depth();
  const std::int64_t tap_bytes = form.line.pixel_bytes / kDepthwiseChannels;
  for (int row = 0; row < layout.plan.output_rows; ++row) {
    std::byte* const to =
        panel + kDepthwiseHeadBytes + row * form.line.pixel_bytes + form.weight_place(lane) * tap_bytes;
    if (tap_bytes == form.line.rows) {
      pack_weights<std::int8_t>(form, shape, layout, row, weights, to);
    } else {
      pack_weights<std::int16_t>(form, shape, layout, row, weights, to);
    }
  }
}

// What a call of run_rows computes: some columns of output rows of one image.
struct Rows {
  std::int64_t begin, end;
  int first_column, columns;
};

// The input row after the last one that the windows of the output rows up to `row` touch.
std::int64_t end_row(const ConvolutionShape& shape, std::int64_t row) {
  const std::int64_t last = (row - 1) % shape.out_h * shape.stride_h - shape.pad.top;
  const std::int64_t end = last + std::int64_t{shape.kernel_h - 1} * shape.dilation_h + 1;
  return end < shape.in_h ? end : shape.in_h;
}

std::size_t padding_bytes(const ConvolutionShape& shape) {
  return static_cast<std::size_t>(shape.in_w) * static_cast<std::size_t>(shape.in_c) + kSlackBytes;
}

// Computes without lines. The workspace is a row of padding.
void run_direct(const DepthwiseForm& form, const ConvolutionProblem& problem, const Rows& part, int channel,
                const std::uint8_t* image, DepthwiseRows in, const DepthwiseBlock& block) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t row_bytes = std::int64_t{shape.out_w} * shape.out_c;
  const int rows = form.panels / panels_of(block.channels);
  for (std::int64_t row = part.begin; row < part.end; row += rows) {
    for (int i = 0; i < rows; ++i) {
      // Where too few rows are left, the last one is computed again.
      const std::int64_t at = row + i < part.end ? row + i : part.end - 1;
      for (std::int64_t tap = 0; tap < shape.kernel_h; ++tap) {
        const std::int64_t y = at % shape.out_h * shape.stride_h - shape.pad.top + tap * shape.dilation_h;
        const bool inside = y >= 0 && y < shape.in_h;
        in.rows[i][tap] = inside ? image + y * shape.in_w * shape.in_c + channel : in.padding;
      }
      in.output[i] = static_cast<std::uint8_t*>(block.output) + at * row_bytes + channel;
    }
    form.run_rows(problem, in, block);
  }
}

void run_rows(const DepthwiseForm& form, const ConvolutionProblem& problem, const Layout& layout, const Rows& part,
              int channel, const std::uint8_t* image, DepthwiseBlock block, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const LinePlan& plan = layout.plan;
  const std::uint8_t** const table = reinterpret_cast<const std::uint8_t**>(workspace + plan.workspace_bytes);
  const TileLines in{table,
                     plan.groups,
                     shape.kernel_w,
                     shape.dilation_w * form.line.pixel_bytes,
                     shape.stride_w * form.line.pixel_bytes,
                     plan.panel_bytes,
                     layout.weight_step};
  DepthwiseLines lines(problem, form.line, plan,
                       {image + channel, end_row(shape, part.end), block.channels, part.first_column, part.columns},
                       workspace);
  block.columns = part.columns;
  for (std::int64_t row = part.begin; row < part.end; row += block.rows) {
    const std::int64_t first = row % shape.out_h * plan.row_lines;
    for (std::int64_t group = 0; group < plan.groups; ++group) {
      table[group] = lines.line(first + group * plan.group_lines);
    }
    block.rows = part.end - row < plan.output_rows ? 1 : plan.output_rows;
    block.index = (row * shape.out_w + part.first_column) * shape.out_c + channel;
    form.run(problem, in, block);
  }
}

}  // namespace

void store_block(const ConvolutionProblem& problem, const OutputStage& stage, const Acc* acc, int pixels,
                 const float* multiplier, const DepthwiseBlock& block, std::int64_t index) {
  store_panel(problem, stage, acc, pixels, multiplier, block.channels, block.output, index);
}

Refusal refuse_depthwise(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  if (shape.groups != shape.in_c || shape.out_c != shape.in_c) return {.why = "it has not one filter per channel"};
  if (problem.output_type == OutputType::kResidualSum) return {.why = "its output is a residual sum"};
  return refuse_wide_bias(problem);
}

bool depthwise_sums_within(const ConvolutionProblem& problem, int c, std::int64_t lo, std::int64_t hi) {
  const std::int64_t bias = folded_bias(problem, c);
  const std::int64_t largest = largest_byte(problem);
  return bias + largest * problem.sums[c].negative >= lo && bias + largest * problem.sums[c].positive <= hi;
}

double depthwise_estimate(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  const costs::Depthwise& costs = problem.costs->*form.costs;
  const ConvolutionShape& shape = problem.shape;
  const LinePlan plan = plan_lines(shape, form.line, form.panels, form.tile_pixels);
  const double taps = static_cast<double>(plan.groups) * shape.kernel_w;
  const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
  const int output_rows = form.run_rows != nullptr ? 1 : plan.output_rows;
  // Output rows share lines with the rows above them. These lines are not interleaved again.
  const std::int64_t step = plan.row_lines * output_rows;
  const bool shared = plan.groups > 1 && step % plan.group_lines == 0 && step / plan.group_lines < plan.groups;
  const std::int64_t new_lines = shared ? step / plan.group_lines : plan.groups;
  const double lines = static_cast<double>(shape.out_h * new_lines) / output_rows;
  const auto line_pixels = static_cast<double>(touched_pixels(shape, shape.out_w));
  return static_cast<double>(panels_of(shape.out_c)) *
         (pixels * (taps * costs.tap + costs.pixel) + lines * line_pixels * costs.line);
}

std::size_t depthwise_packed_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  const int out_c = problem.shape.out_c;
  const int of_rest = form.run_rows != nullptr ? form.panels : 1;
  const std::int64_t panels = packed_panel(form, out_c) + (out_c % kChannels != 0 ? of_rest : 0);
  return static_cast<std::size_t>(panels * Layout(form, problem).panel_bytes);
}

void pack_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, std::byte* packed) {
  const Layout layout(form, problem);
  std::memset(packed, 0, depthwise_packed_bytes(form, problem));
  for (int first = 0; first < problem.shape.out_c;) {
    const int channels = block_channels(layout, problem.shape, first);
    const int panels = form.run_rows != nullptr ? form.panels : panels_of(channels);
    const int in_lane = panels * form.lane_channels;  // channels of the block in a lane
    std::byte* const block = packed + packed_panel(form, first) * layout.panel_bytes;
    for (int i = 0; i < panels * kChannels; ++i) {
      const int c = i % (panels_of(channels) * kChannels);
      if (c >= channels) continue;
      const int panel = i % in_lane / form.lane_channels;
      const int lane = i / in_lane * form.lane_channels + i % form.lane_channels;
      pack_channel(form, problem, layout, first + c, lane, block + panel * layout.panel_bytes);
    }
    first += channels;
  }
}

std::size_t depthwise_workspace_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  if (form.run_rows != nullptr) return padding_bytes(problem.shape);
  const LinePlan plan = Layout(form, problem).plan;
  return static_cast<std::size_t>(plan.workspace_bytes + plan.groups * std::int64_t{sizeof(const std::uint8_t*)});
}

void run_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, const std::byte* packed,
                   const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout(form, problem);
  const int parts = layout.plan.column_parts;
  const std::int64_t image_bytes = std::int64_t{shape.in_h} * shape.in_w * shape.in_c;
  DepthwiseRows direct{};
  if (form.run_rows != nullptr) {
    std::memset(workspace, problem.input_zero_point, padding_bytes(shape));
    direct.padding = reinterpret_cast<const std::uint8_t*>(workspace);
    direct.weight_step = layout.weight_step;
  }
  DepthwiseBlock block{};
  block.packed_step = layout.panel_bytes;
  block.output = output;
  for (int channel = part.channel_begin; channel < part.channel_end; channel += block.channels) {
    block.packed = packed + packed_panel(form, channel) * layout.panel_bytes;
    block.channels = block_channels(layout, shape, channel);
    Rows rows{part.row_begin, 0, 0, 0};
    for (; rows.begin < part.row_end; rows.begin = rows.end) {
      const std::int64_t of_image = rows.begin + shape.out_h - rows.begin % shape.out_h;
      rows.end = of_image < part.row_end ? of_image : part.row_end;
      const std::uint8_t* const image = input + rows.begin / shape.out_h * image_bytes;
      if (form.run_rows != nullptr) {
        run_direct(form, problem, rows, channel, image, direct, block);
        continue;
      }
      for (int i = 0; i < parts; ++i) {
        rows.first_column = static_cast<int>(std::int64_t{shape.out_w} * i / parts);
        rows.columns = static_cast<int>(std::int64_t{shape.out_w} * (i + 1) / parts) - rows.first_column;
        run_rows(form, problem, layout, rows, channel, image, block, workspace);
      }
    }
  }
}

}  // namespace narrow::kernels::avx2
