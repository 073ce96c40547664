// Integer weights for the layers of a quantized graph: those that are stated, or new ones.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize.h"
#include "narrow/result.h"
#include "quantize/bit_plan.h"
#include "quantize/quantize_graph.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

class LayerWeights {
 public:
  // Everything is borrowed. `result` is what is being built: its graph has the layers' inputs and outputs, its report
  // takes what is decided here.
  LayerWeights(const Graph& source, const std::vector<std::optional<Observation>>& observations,
               const QuantizeOptions& options, const BitPlan& bits, QuantizedGraph& result);

  // Replaces the float filter of `copy`, a copy of the source's node n in the quantized graph. Only the first copy of a
  // layer is reported. Error: see quantize_filter().
  Status give(std::size_t n, Node& copy, bool is_first);

  // Logs what was decided for all layers together.
  void summarise();

 private:
  bool keep_codes(Node& copy, bool is_first);
  Status quantize(std::size_t n, Node& copy, bool is_first);

  const Graph& source_;
  const std::vector<std::optional<Observation>>& observations_;
  const QuantizeOptions& options_;
  const BitPlan& bits_;
  QuantizedGraph& result_;
  int corrected_layers_ = 0;
  int stated_layers_ = 0;
};

}  // namespace narrow::graph
