// Whether and where a network is equalized before it is quantized.
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
struct ObservedNetwork {
  // Of the equalized network; null: the network stays as it was. Activations borrow it.
  std::unique_ptr<const Graph> equalized;
  std::vector<std::optional<Observation>> observations;
  std::vector<Event> log;
};

// Equalizes the network if the options say so, or if its answers come closer to the float network's that way: by the
// mean Kullback-Leibler divergence on some calibration images, both being quantized by the fast methods with others.
// Afterwards `activations` run the network that was chosen. observations: of `graph`. Errors: those of observe() and
// decide().
[[nodiscard]] Result<ObservedNetwork> equalize_network(const Graph& graph,
                                                       std::vector<std::optional<Observation>> observations,
                                                       Activations& activations, const QuantizeOptions& options);

}  // namespace narrow::graph
