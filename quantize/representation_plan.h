// In which forms the values of a float graph are needed, once its layers run in integers.
//
// A form of a value is one tensor of the quantized graph that holds it: float32, integers with the parameters that were
// decided for it, or integers with parameters that the file states. Most values have one form, some have several.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/result.h"

namespace narrow::graph {

// Integers of a value with parameters that the file states for them.
struct StatedForm {
  Quantization quantization;
  std::size_t quantize = 0;  // the first Quantize node that states it, by node index
};

// What is built of one node of the float graph.
struct NodeForms {
  bool in_float = false;               // the operator on float32
  bool sums_to_float = false;          // a layer with weights in integers that writes its accumulators as float32
  bool decided = false;                // integers with the decided parameters
  std::vector<StatedForm> integers;    // pre-quantized integers, computed from integers
  std::vector<StatedForm> from_float;  // pre-quantized integers, rounded from the float32 form

  // Whether anything of it is computed from integers.
  [[nodiscard]] bool on_integers() const { return sums_to_float || decided || !integers.empty(); }
};

struct FormPlan {
  std::vector<NodeForms> nodes;      // by node index
  std::vector<StatedForm> of_input;  // of the graph's input: rounded from float32
  std::vector<bool> needs_decision;  // by ValueId: a decision about the value's parameters is needed
};

// So many different stated quantizations of one value, at most: each is computed on its own.
inline constexpr std::size_t kMaxStatedForms = 16;

// Layers with weights that write float32 from their accumulators, by node index: what writes the graph's output, and
// what only float32 operators read, also behind operators that move no byte. This avoids an intermediate rounding.
[[nodiscard]] std::vector<bool> find_float_writers(const Graph& graph, const Liveness& live);

// Everything runs in integers that can. float_layers: layers that keep float weights; writes_float: as above; both by
// node index. Error: kLimit, a value that is quantized in more ways than kMaxStatedForms.
[[nodiscard]] Result<FormPlan> plan_forms(const Graph& graph, const Liveness& live,
                                          const std::vector<bool>& float_layers, const std::vector<bool>& writes_float);

}  // namespace narrow::graph
