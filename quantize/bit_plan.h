// Which layer and tensor gets how many bits.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/event.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow::graph {

// Layers with weights at the ends of the network, by node index.
struct EndLayers {
  std::vector<bool> first;  // reached from the input without passing another layer with weights
  std::vector<bool> last;   // the output is reached from it without passing another layer with weights
};
[[nodiscard]] EndLayers find_end_layers(const Graph& graph, const Liveness& live);

struct BitPlan {
  std::vector<bool> in_float;  // by node index: an edge layer that keeps its float weights
  std::vector<bool>
      writes_float;              // by node index: a layer whose accumulators become float32, see representation_plan.h
  std::vector<int> weight_bits;  // by node index; 0: no weights, 32: float
  std::vector<ValueId> source;   // by ValueId: the value whose quantization it shares; itself for most
  std::vector<ValueId> grid;     // by ValueId: the value whose scale and zero point it takes; itself for most
  std::vector<int> activation_bits;  // by ValueId
  std::vector<Event> log;
};

// What the graph states is not planned: layers with weight codes and values with a quantization keep theirs. Such a
// layer has weight_bits nevertheless, for when int32 can't hold what is stated.
// Precondition: a graph that passes validate().
// Errors: a number of bits outside 2..8; a layer that does not exist, is named twice, or has no weights (or no integer
// output) to give bits to, or states them.
[[nodiscard]] Result<BitPlan> plan_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options);

}  // namespace narrow::graph
