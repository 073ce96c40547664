// Quantization that the origin states (QDQ and QLinear ONNX): kept as it is, and moved to where integers can use it.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "rewrites/links.h"

namespace narrow::graph {

// True when a value of the graph is uint8: there is something to keep.
[[nodiscard]] bool has_stated_quantization(const Graph& graph);

// The rewrites of simplify() for float graphs with stated quantization; each is exact, also in float arithmetic, and
// explained in its file. Clamps become ranges of what is quantized, Dequantize moves behind and Quantize before
// operators that only move elements, and what is quantized twice alike is quantized once. Dead nodes are removed.
// Precondition: a valid graph. Returns one line per rewrite. Does nothing to a graph without stated quantization.
[[nodiscard]] PassLog place_stated_quantization(Graph& graph);

// Parts of the above, each one sweep. They leave dead nodes behind.
[[nodiscard]] PassLog move_dequantize_forward(Graph& graph);
// As above, and past a Concat of values that are quantized alike, unless its result is quantized anew. For
// integer_where_stated() only: the float network knows no quantized Concat. Dead nodes are left.
[[nodiscard]] PassLog move_dequantize_past_concats(Graph& graph);
[[nodiscard]] PassLog move_quantize_backward(Graph& graph);
[[nodiscard]] PassLog narrow_to_clamps(Graph& graph);
[[nodiscard]] PassLog merge_quantizes(Graph& graph);

}  // namespace narrow::graph
