// What the tests of BatchNorm folding share.
#pragma once

#include <functional>

#include "graph/ir.h"
#include "tests/support/graph/random_graph.h"
#include "tests/support/quantize/check_same_function.h"

namespace narrow::testing {

inline constexpr TensorShape kFoldInput{6, 5, 4};

// Adds a network to the builder and returns its output.
using Build = std::function<graph::ValueId(GraphBuilder&)>;

// Builds with several seeds and simplifies: all BatchNorms must be gone without a depthwise convolution in their place.
void check_all_fold(const Build& build);

// As above, but exactly `left` BatchNorms must become depthwise convolutions. Returns the simplified graph.
graph::Graph check_some_stay(const Build& build, int left);

[[nodiscard]] graph::AveragePool average(int kernel, int stride, int pad, bool count_include_pad);

}  // namespace narrow::testing
