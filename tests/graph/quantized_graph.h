// A small valid quantized graph with every operator that may be quantized, for tests that break it.
#pragma once

#include "graph/ir.h"

namespace narrow::testing {

// input -> quantize -> conv -> depthwise -> max -> {sum with itself} -> clip -> pad -> {concat with sum} -> average ->
// gap -> flatten -> hidden (uint8) -> fc (float32 scores).
[[nodiscard]] graph::Graph quantized_graph();

}  // namespace narrow::testing
