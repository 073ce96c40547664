#include "importers/onnx/lower/dilated_average.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/try.h"

namespace narrow::onnx {
namespace {

// The places of a window along one side of the image.
struct Taps {
  std::int64_t size = 0;  // of the image
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t before = 0, after = 0;  // padding that counts as pixels; 0: none does
  std::int64_t begin = 0;              // of the first window
};

// By position: the places that are pixels.
std::vector<float> counts_of(const Taps& taps, std::int64_t positions) {
  std::vector<float> counts;
  for (std::int64_t i = 0; i < positions; ++i) {
    std::int64_t count = 0;
    for (std::int64_t tap = 0; tap < taps.kernel; ++tap) {
      const std::int64_t at = taps.begin + i * taps.stride + tap * taps.dilation;
      if (at >= -taps.before && at < taps.size + taps.after) ++count;
    }
    counts.push_back(static_cast<float>(count));
  }
  return counts;
}

}  // namespace

Result<DilatedAverage> append_dilated_average(Lowering& lowering, const Node& node, graph::ValueId image,
                                              const WindowArguments& arguments, PaddingCounts padding) {
  const graph::Window& window = arguments.window;
  const TensorShape in = lowering.graph.shape(image);
  const std::int64_t pixels = std::int64_t{window.kernel_h} * window.kernel_w;
  // Before they are made; what is appended counts them once more.
  NARROW_TRY(lowering.budget.spend_parameters(pixels * in.channels));
  graph::Convolution op;
  op.window = window;
  op.groups = op.out_channels = static_cast<int>(in.channels);
  op.filter.weights =
      std::vector<float>(static_cast<std::size_t>(pixels * in.channels), 1.0F / static_cast<float>(pixels));
  op.filter.bias = std::vector<float>(static_cast<std::size_t>(in.channels), 0.0F);
  DilatedAverage result;
  NARROW_ASSIGN(result.value, lowering.graph.append(node, std::move(op), {image}));

  const TensorShape out = lowering.graph.shape(result.value);
  const Padding& pad = window.pad;
  Taps vertical{in.height, window.kernel_h, window.stride_h, window.dilation_h, 0, 0, -pad.top};
  Taps horizontal{in.width, window.kernel_w, window.stride_w, window.dilation_w, 0, 0, -pad.left};
  if (padding != PaddingCounts::kNone) {
    const bool counts_all = padding == PaddingCounts::kAll;
    vertical.before = pad.top;
    vertical.after = pad.bottom - (counts_all ? 0 : arguments.ceil_bottom);
    horizontal.before = pad.left;
    horizontal.after = pad.right - (counts_all ? 0 : arguments.ceil_right);
  }
  NARROW_TRY(lowering.budget.spend_time(out.height * window.kernel_h + out.width * window.kernel_w));
  const std::vector<float> rows = counts_of(vertical, out.height);
  const std::vector<float> columns = counts_of(horizontal, out.width);
  bool all_full = true;
  for (const float row : rows) {
    for (const float column : columns) {
      const float count = row * column;
      result.scales.push_back(count == 0 ? 0 : static_cast<float>(pixels) / count);
      all_full = all_full && count == static_cast<float>(pixels);
    }
  }
  if (all_full) result.scales.clear();
  return result;
}

}  // namespace narrow::onnx
