// Which layer and tensor gets how many bits.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/event.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/lane_sums.h"

namespace narrow::graph {

// The boundary layers, by node index.
struct FirstAndLastLayers {
  std::vector<bool> first;  // reached from the input without passing another layer
  std::vector<bool> last;   // the output is reached from it without passing another layer
};
[[nodiscard]] FirstAndLastLayers find_first_and_last_layers(const Graph& graph, const Liveness& live);
// Those that are treated otherwise than all others: none with BoundaryLayers::kOff.
[[nodiscard]] FirstAndLastLayers boundary_layers(const Graph& graph, const Liveness& live,
                                                 const QuantizeOptions& options);

constexpr int kFloatBits = 32;  // "bits" of weights that stay float32

struct BitPlan {
  std::vector<bool> in_float;         // by node index: a first or last layer that keeps its float
                                      // weights, and the function of the scores
  std::vector<bool> writes_float;     // by node index: a layer that writes float32, see find_float_writers()
  std::vector<int> weight_bits;       // by node index; 0: no weights; kFloatBits: float
  std::vector<ValueId> source;        // by ValueId: the value whose quantization it shares; itself for most
  std::vector<ValueId> scale_source;  // by ValueId: the value whose scale and zero point it takes; itself for most
  std::vector<int> activation_bits;   // by ValueId
  std::vector<bool> has_free_bits;    // by ValueId: of what layers read, more than was asked for, see free_bits.h
  std::vector<LaneLimit> lanes;       // by node index: what weights keep to so that sums stay in 16 bits
  std::vector<Event> log;
};

// Values that integer layers with weights read, also through operators that only copy; by ValueId. in_float: by node
// index.
[[nodiscard]] std::vector<bool> find_read_by_layers(const Graph& graph, const Liveness& live,
                                                    const std::vector<bool>& in_float);

// Pre-quantized layers and values are not planned: they stay as they are. Such a layer has weight_bits nevertheless,
// for the case that int32 can't hold its integers. Precondition: a graph that passes validate(). Errors: a number of
// bits outside 2..8; a layer that does not exist, is named twice, is pre-quantized, or has no weights (no integer
// output) for the bits.
[[nodiscard]] Result<BitPlan> plan_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options);

}  // namespace narrow::graph
