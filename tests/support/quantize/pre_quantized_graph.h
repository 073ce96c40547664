// Pre-quantized graphs, for tests. Scales are powers of two and biases multiples of their scales, so that
// float64 computes everything exactly and rewrites can be compared bit for bit.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "quantize/calibrate.h"
#include "quantize/quantize_graph.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::testing {

// Quantize and Dequantize: the float value after them.
graph::ValueId qdq(GraphBuilder& b, const std::string& name, graph::ValueId x, const Quantization& quantization);

// A convolution with random weight integers in [lo, hi], both of which occur, and a scale of its own per channel. Its
// bias is exact for an input with `input_scale`.
graph::ValueId pre_quantized_convolution(GraphBuilder& b, const std::string& name, graph::ValueId x, int out_channels,
                                         QRange integers, float input_scale, const graph::Window& window = {},
                                         int groups = 1, Clamp clamp = {});

// Both compute the same numbers, to the last bit of float64, on some random images.
[[nodiscard]] bool same_outputs(const graph::Graph& a, const graph::Graph& b);

// Min/max calibration on some random images, and the quantized graph, validated.
[[nodiscard]] std::vector<std::optional<graph::Observation>> observe(const graph::Graph& graph);
[[nodiscard]] graph::QuantizedGraph quantize(const graph::Graph& graph, const QuantizeOptions& options = {});

// Names of nodes in order.
[[nodiscard]] std::vector<std::string> node_names(const graph::Graph& graph);
// Operators in order, as op_name() has them.
[[nodiscard]] std::vector<std::string> op_names(const graph::Graph& graph);
[[nodiscard]] bool has_line(const std::vector<Event>& log, const std::string& part);
// Nodes that read or write float32, apart from Quantize and Dequantize; a layer that writes float32 from its
// accumulators is none of them, nor is a sum that is rounded once.
[[nodiscard]] std::vector<std::string> float_nodes(const graph::Graph& graph);

}  // namespace narrow::testing
