#include "kernels/avx2/depthwise_avx2.h"

#include <cstring>

#include "kernels/avx2/convolution_panels_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

struct Layout {
  Layout(const DepthwiseForm& form, const ConvolutionShape& shape)
      : plan(plan_lines(shape, form.line, form.tile_pixels)),
        panels((std::int64_t{shape.out_c} + kDepthwiseChannels - 1) / kDepthwiseChannels),
        weight_step(plan.output_rows * form.line.pixel_bytes),
        panel_bytes(kDepthwiseHeadBytes + plan.groups * shape.kernel_w * weight_step) {}

  LinePlan plan;
  std::int64_t panels;
  std::int64_t weight_step;
  std::int64_t panel_bytes;
};

// The weights of one channel for output row `output_row` of those that are computed together. to: of its first group,
// column and row.
template <class Weight>
void pack_channel(const DepthwiseForm& form, const ConvolutionShape& shape, const Layout& layout, int output_row,
                  const std::int8_t* weights, Weight* to) {
  const std::int64_t step = layout.weight_step / std::int64_t{sizeof(Weight)};
  for (std::int64_t row = 0; row < shape.kernel_h; ++row) {
    const std::int64_t at = row + std::int64_t{output_row} * shape.stride_h;  // among the rows that they meet
    for (std::int64_t column = 0; column < shape.kernel_w; ++column) {
      to[(at / form.line.rows * shape.kernel_w + column) * step + at % form.line.rows] =
          Weight{weights[row * shape.kernel_w + column]};
    }
  }
}

// The output rows of one picture, from `row` to `end`, and the panels from `channel` on.
struct PanelRows {
  std::int64_t row, end;
  int channel, channels;
};

void run_rows(const DepthwiseForm& form, const ConvolutionProblem& problem, const Layout& layout,
              const std::byte* panel, const std::uint8_t* picture, void* output, const PanelRows& part,
              std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const LinePlan& plan = layout.plan;
  const std::uint8_t** const table = reinterpret_cast<const std::uint8_t**>(workspace + plan.workspace_bytes);
  TileLines in{table,
               0,
               plan.groups,
               shape.kernel_w,
               shape.dilation_w * form.line.pixel_bytes,
               shape.stride_w * form.line.pixel_bytes,
               layout.weight_step};
  DepthwiseLines lines(problem, form.line, plan, picture, part.channel, part.channels, workspace);
  for (std::int64_t row = part.row; row < part.end;) {
    const std::int64_t first = row % shape.out_h * plan.row_lines;
    for (std::int64_t group = 0; group < plan.groups; ++group) {
      table[group] = lines.line(first + group * plan.group_lines);
    }
    const int rows = part.end - row < plan.output_rows ? 1 : plan.output_rows;
    for (int c = 0; c < part.channels; c += kDepthwiseChannels) {
      const int left = part.channels - c;
      in.shift = c / kDepthwiseChannels * plan.panel_bytes;
      form.run(problem, in, panel + c / kDepthwiseChannels * layout.panel_bytes,
               {output, row * shape.out_w * shape.out_c + part.channel + c, rows,
                left < kDepthwiseChannels ? left : static_cast<int>(kDepthwiseChannels)});
    }
    row += rows;
  }
}

}  // namespace

bool accepts_depthwise(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  return shape.groups == shape.in_c && shape.out_c == shape.in_c && fits_bytes(problem) && folded_bias_fits(problem);
}

double depthwise_cost(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout(form, shape);
  const LinePlan& plan = layout.plan;
  const double taps = static_cast<double>(plan.groups) * shape.kernel_w;
  const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
  // Two output rows are 2 * row_lines lines apart; what lies between two lines that they meet is not made.
  const std::int64_t step = plan.groups > 1 && plan.group_lines <= plan.row_lines * plan.output_rows
                                ? plan.row_lines * plan.output_rows / plan.group_lines
                                : plan.groups;
  const double lines = static_cast<double>(shape.out_h * step) / plan.output_rows;
  return static_cast<double>(layout.panels) * (pixels * (taps * form.cycles.tap + form.cycles.pixel) +
                                               lines * static_cast<double>(plan.line_pixels) * form.cycles.line);
}

int depthwise_channel_step(const ConvolutionProblem& /*problem*/) { return kDepthwiseChannels; }

std::size_t depthwise_packed_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  const Layout layout(form, problem.shape);
  return static_cast<std::size_t>(layout.panels * layout.panel_bytes);
}

void pack_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, std::byte* packed) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout(form, shape);
  const std::int64_t element = form.line.pixel_bytes / (form.line.rows * kDepthwiseChannels);
  std::memset(packed, 0, depthwise_packed_bytes(form, problem));
  for (int c = 0; c < shape.out_c; ++c) {
    const int lane = c % static_cast<int>(kDepthwiseChannels);
    std::byte* const panel = packed + c / kDepthwiseChannels * layout.panel_bytes;
    reinterpret_cast<std::int32_t*>(panel)[form.place(lane)] =
        static_cast<std::int32_t>(problem.bias[c] - problem.input_zero_point * problem.sums[c].total());
    reinterpret_cast<float*>(panel + 64)[form.place(lane)] = problem.multiplier[c];
    const std::int8_t* const weights = problem.weights + c * shape.depth();
    for (int row = 0; row < layout.plan.output_rows; ++row) {
      std::byte* const to = panel + kDepthwiseHeadBytes + row * form.line.pixel_bytes +
                            form.weight_place(lane) * form.line.rows * element;
      if (element == 1) {
        pack_channel(form, shape, layout, row, weights, reinterpret_cast<std::int8_t*>(to));
      } else {
        pack_channel(form, shape, layout, row, weights, reinterpret_cast<std::int16_t*>(to));
      }
    }
  }
}

std::size_t depthwise_workspace_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem) {
  const LinePlan plan = plan_lines(problem.shape, form.line, form.tile_pixels);
  return static_cast<std::size_t>(plan.workspace_bytes + plan.groups * std::int64_t{sizeof(const std::uint8_t*)});
}

void run_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, const std::byte* packed,
                   const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout(form, shape);
  const std::int64_t picture_bytes = std::int64_t{shape.in_h} * shape.in_w * shape.in_c;
  const int line_channels = layout.plan.panels * static_cast<int>(kDepthwiseChannels);
  for (int channel = part.channel_begin; channel < part.channel_end; channel += line_channels) {
    const int left = part.channel_end - channel;
    const std::byte* const panel = packed + channel / kDepthwiseChannels * layout.panel_bytes;
    for (std::int64_t row = part.row_begin; row < part.row_end;) {
      const std::int64_t of_picture = row + shape.out_h - row % shape.out_h;
      const std::int64_t end = of_picture < part.row_end ? of_picture : part.row_end;
      run_rows(form, problem, layout, panel, input + row / shape.out_h * picture_bytes, output,
               {row, end, channel, left < line_channels ? left : line_channels}, workspace);
      row = end;
    }
  }
}

}  // namespace narrow::kernels::avx2
