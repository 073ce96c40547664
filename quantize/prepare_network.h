// What is done to a float network before it is quantized, so that it loses less by that. The network computes the same.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// A network to be quantized, and what was observed of it.
struct PreparedNetwork {
  // Null: the network stays as it was. Activations borrow it.
  std::unique_ptr<const Graph> graph;
  std::vector<std::optional<Observation>> observations;
  QuantizeOptions options;  // for it: bits of residual tensors are those of their copies
  std::vector<Event> log;   // the subject of each is "preparation"
};

// Mixes channels (mix_channels.h), equalizes them (equalize.h) and gives layers narrow copies of residual tensors
// (narrow_copies.h), in this order: each where the options say so, or if the network's answers come closer to the float
// network's that way, with what was done before. How close they are is the mean Kullback-Leibler divergence at a
// temperature of 4, on some calibration images, after quantization by the fast methods with others. At 8
// bits, where it depends on the network how weights are rounded, that is decided too (`options.rounding`). Afterwards
// `activations` run the network that was chosen. observations: of `graph`. Errors: those of observe() and decide().
[[nodiscard]] Result<PreparedNetwork> prepare_network(const Graph& graph,
                                                      std::vector<std::optional<Observation>> observations,
                                                      Activations& activations, const QuantizeOptions& options);

}  // namespace narrow::graph
