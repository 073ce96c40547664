// In which representations the values of a float graph are needed, once its layers run in integers.
//
// A representation of a value is one tensor of the quantized graph that holds it: float32, integers with the parameters
// that were decided for it, or integers with pre-quantized parameters. Most values have one representation.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/result.h"

namespace narrow::graph {

// Pre-quantized parameters of a value. Its integers are one representation of it.
struct PreQuantized {
  Quantization quantization;
  std::size_t quantize = 0;  // the first Quantize node with these parameters, by node index
};

// What is built of one node of the float graph.
struct NodeRepresentations {
  bool in_float = false;                 // the operator on float32
  bool sums_to_float = false;            // a layer with weights in integers that writes its accumulators as float32
  bool decided = false;                  // integers with the decided parameters
  std::vector<PreQuantized> integers;    // pre-quantized integers, computed from integers
  std::vector<PreQuantized> from_float;  // pre-quantized integers, rounded from float32
  // Of an Add: the input that it reads as float32 from a convolution's accumulators, to round once (summed_input()).
  std::optional<std::size_t> summed;

  // Whether anything of it is computed from integers.
  [[nodiscard]] bool on_integers() const { return sums_to_float || decided || !integers.empty(); }
};

struct RepresentationPlan {
  std::vector<NodeRepresentations> nodes;  // by node index
  std::vector<PreQuantized> of_input;      // of the graph's input: rounded from float32
  std::vector<bool> needs_decision;        // by ValueId: a decision about the value's parameters is needed
};

// The largest number of different pre-quantized parameters of one value. Each is computed on its own.
inline constexpr std::size_t kMaxPreQuantized = 16;

// The function that computes the scores, perhaps before nodes that move no byte: a sigmoid, say. It runs in float32, so
// that small probabilities are not rounded to eight bits. By node index; -1: there is none.
[[nodiscard]] int find_score_function(const Graph& graph);

// Layers with weights that write float32 from their accumulators, by node index: what writes the graph's output, and
// what only float32 operators and the function of the scores read, also after operators that move no byte. This avoids
// an intermediate rounding.
[[nodiscard]] std::vector<bool> find_float_writers(const Graph& graph, const Liveness& live);

// The input of an Add whose convolution can be added before it is rounded: dense, without a clamp, and read by nothing
// else. Of two such inputs the one that is computed later. Nothing if there is none, or if the node is no Add of two
// tensors of one shape.
[[nodiscard]] std::optional<std::size_t> find_summable(const Graph& graph, const Node& node,
                                                       const ValueMap<int>& made_by,
                                                       const ValueMap<std::vector<int>>& read_by);

// Everything runs in integers that can. An Add that alone reads a convolution of `writes_float`, and has one
// representation, rounds once. float_layers: layers that keep float weights, and
// other nodes that run in float32; writes_float: as above; both by
// node index. Error: kLimit, a value that is quantized in more ways than kMaxPreQuantized.
[[nodiscard]] Result<RepresentationPlan> plan_representations(const Graph& graph, const Liveness& live,
                                                              const std::vector<bool>& float_layers,
                                                              const std::vector<bool>& writes_float);

}  // namespace narrow::graph
