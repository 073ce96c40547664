// The mean of a window with dilations, which AveragePool of the graph has not.
#pragma once

#include <vector>

#include "importers/onnx/lower/arguments.h"
#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Which places beside the image count as zeros in a mean. The others do not count.
enum class PaddingCounts {
  kNone,
  kOfFile,  // without what ceil_mode adds
  kAll,
};

struct DilatedAverage {
  graph::ValueId value = graph::kNoValue;
  // What each position has to be multiplied with, [height, width]; empty: nothing, all windows have as many pixels.
  std::vector<float> scales;
};

// Appends a depthwise convolution of equal weights. Errors: kLimit, more weights than a file of this size may make.
[[nodiscard]] Result<DilatedAverage> append_dilated_average(Lowering& lowering, const Node& node, graph::ValueId image,
                                                            const WindowArguments& arguments, PaddingCounts padding);

}  // namespace narrow::onnx
