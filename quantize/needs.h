// In which forms the values of a float graph are needed, once its layers run in integers.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/result.h"

namespace narrow::graph {

// A float value that the network quantizes itself, with parameters of its own.
struct StatedForm {
  Quantization quantization;
  std::size_t quantize = 0;  // the first Quantize node that states it, by node index
};

struct Needs {
  bool as_float = false;
  bool as_integer = false;         // with calibrated parameters
  std::vector<StatedForm> stated;  // all different
};

struct NeedPlan {
  std::vector<Needs> values;   // by ValueId; of float values
  std::vector<bool> in_float;  // by node index: runs on float32
};

// So many different stated quantizations of one value, at most: each is computed on its own.
inline constexpr std::size_t kMaxStatedForms = 16;

// Layers with weights that write float32 from their accumulators, by node index: what writes the graph's output, and
// what only float32 operators read, also behind operators that move no byte. Nothing is rounded there that need not be.
[[nodiscard]] std::vector<bool> find_float_writers(const Graph& graph, const Liveness& live);

// float_layers: layers with weights that keep float weights; writes_float: as above; both by node index.
// Error: kLimit, a value that is quantized in more ways than kMaxStatedForms.
[[nodiscard]] Result<NeedPlan> plan_needs(const Graph& graph, const Liveness& live,
                                          const std::vector<bool>& float_layers, const std::vector<bool>& writes_float);

}  // namespace narrow::graph
