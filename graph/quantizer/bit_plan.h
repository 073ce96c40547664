// Which layer and tensor gets how many bits.
#pragma once

#include <string>
#include <vector>

#include "graph/float_executor/liveness.h"
#include "graph/ir.h"
#include "narrow/quantize.h"
#include "narrow/result.h"

namespace narrow::graph {

// Layers with weights at the ends of the network, by node index.
struct EdgeLayers {
  std::vector<bool> first;  // reached from the input without passing another layer with weights
  std::vector<bool> last;   // the output is reached from it without passing another layer with weights
};
[[nodiscard]] EdgeLayers find_edge_layers(const Graph& graph, const Liveness& live);

struct BitPlan {
  std::vector<bool> in_float;        // by node index: an edge layer that keeps its float weights
  std::vector<int> weight_bits;      // by node index; 0: no weights, 32: float
  std::vector<ValueId> source;       // by ValueId: the value whose quantization it shares; itself for most
  std::vector<int> activation_bits;  // by ValueId
  std::vector<std::string> log;
};

// Precondition: a graph that passes validate().
// Errors: a number of bits outside 2..8; a layer that does not exist, is named twice, or has no weights (or no integer
// output) to give bits to.
[[nodiscard]] Result<BitPlan> plan_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options);

}  // namespace narrow::graph
