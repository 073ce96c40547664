// A small valid quantized graph with every operator that may be quantized, for tests that break it.
#pragma once

#include <string>

#include "graph/ir.h"

namespace narrow::testing {

// input -> quantize -> conv -> depthwise -> max -> {sum with itself} -> clip -> pad -> {concat with sum} -> average ->
// gap -> flatten -> hidden (uint8) -> fc (float32 scores).
[[nodiscard]] graph::Graph quantized_graph();

// The node and the value of this name; they exist.
[[nodiscard]] graph::Node& node(graph::Graph& graph, const std::string& name);
[[nodiscard]] graph::Value& value(graph::Graph& graph, const std::string& name);

}  // namespace narrow::testing
