// From a float graph and observed ranges to an integer graph. What is pre-quantized stays as it is. All
// formulas: docs/numerics.md.
#pragma once

#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/check_calibration.h"
#include "quantize/mixed_bits.h"
#include "quantize/statistics/observer.h"
#include "quantize/trained_statistics.h"

namespace narrow::graph {

struct QuantizedGraph {
  Graph graph;            // passes validate()
  QuantizeReport report;  // `events`: what was decided and inserted here
};

// Quantizes what the output depends on; the rest is dropped. `observations` are indexed by ValueId, as calibrate()
// returns them. The graph's input and output stay float32, and so does what has no integer implementation, between
// conversions. Pre-quantized values and layers stay as they are: values that Quantize nodes write keep their
// parameters, layers keep their integers, with the range that occurs (unless int32 can't hold them: then they are
// quantized anew, and `events` say so). A value that is read with pre-quantized and with decided parameters is computed
// for each. Deterministic: all arithmetic is double precision in a fixed order. Without images weights are rounded to
// the nearest; `threads` and `progress` are not used. Errors: what validate() finds in `graph`; a graph that is
// quantized already or has BatchNorm in it; an option outside 2..8 bits; a layer name that does not exist (lists the
// layers); a live tensor without observation (names it); a clamp without zero in it; ranges so large that scales are no
// normal floats; a value with more than kMaxPreQuantized pre-quantized parameters.
[[nodiscard]] Result<QuantizedGraph> quantize_graph(const Graph& graph,
                                                    const std::vector<std::optional<Observation>>& observations,
                                                    const QuantizeOptions& options);

// The same with what the network computes on calibration images: observes them first. `expected`: what they should look
// like; null: not checked. time_network: for a goal in milliseconds. Errors: also those of observe() and
// choose_mixed_bits().
[[nodiscard]] Result<QuantizedGraph> quantize_graph(const Graph& graph, Activations& activations,
                                                    const QuantizeOptions& options,
                                                    const CalibrationExpectations* expected = nullptr,
                                                    const TimeNetwork& time_network = {});

// The same without images: ranges and rounding follow the statistics of BatchNorm, on a copy of the network that noise
// has been fitted to (fit_to_training.h). noise: activations of `graph` on images of noise. Not equalized. Errors: also
// kUnsupported if no layer has statistics.
[[nodiscard]] Result<QuantizedGraph> quantize_without_images(const Graph& graph,
                                                             const std::vector<TrainedLayer>& trained,
                                                             Activations& noise, const QuantizeOptions& options,
                                                             const TimeNetwork& time_network = {});

}  // namespace narrow::graph
