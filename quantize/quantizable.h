// What the quantizer takes.
#pragma once

#include <optional>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/result.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// Only a float graph without BatchNorm, perhaps pre-quantized, can be quantized, and only what was observed.
// Errors: as quantize_graph() says.
[[nodiscard]] Status check_quantizable(const Graph& graph, const Liveness& live,
                                       const std::vector<std::optional<Observation>>& observations);

}  // namespace narrow::graph
