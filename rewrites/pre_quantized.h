// Rewrites of pre-quantized graphs (QDQ and QLinear ONNX): their quantization is kept, and moved to where integer
// arithmetic can use it.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "rewrites/links.h"

namespace narrow::graph {

// Whether a value of the graph is uint8.
[[nodiscard]] bool is_pre_quantized(const Graph& graph);

// The rewrites of simplify() for pre-quantized float graphs. Each is exact, also in float arithmetic; its file explains
// why. Clamps become ranges of the quantized values. Dequantize moves after and Quantize before operators that only
// move elements. Values that are quantized twice in the same way are quantized once. Dead nodes are removed.
// Precondition: a valid graph. Returns one event per rewrite. A graph that is not pre-quantized stays as it is.
[[nodiscard]] PassLog place_pre_quantized(Graph& graph);

// The parts of place_pre_quantized(), each one sweep. They leave dead nodes.
[[nodiscard]] PassLog move_dequantize_forward(Graph& graph);
// As move_dequantize_forward(), and also past a Concat of values with the same quantization, unless its result is
// quantized again. For integer_where_pre_quantized() only, because float networks have no quantized Concat. It leaves
// dead nodes.
[[nodiscard]] PassLog move_dequantize_past_concats(Graph& graph);
[[nodiscard]] PassLog move_quantize_backward(Graph& graph);
// Quantizes the inputs of a Concat whose result is only quantized, so that what computes these inputs can run in
// integers.
[[nodiscard]] PassLog quantize_before_concats(Graph& graph);
[[nodiscard]] PassLog narrow_to_clamps(Graph& graph);
[[nodiscard]] PassLog merge_quantizes(Graph& graph);

}  // namespace narrow::graph
