// Runs the float network on calibration images and observes every tensor.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// One pass over the float network: what the range method `kind` needs, and the means of channels, by ValueId; nothing
// for values that the output does not depend on. The result, an error included, does not depend on threads or on the
// order of the images. Errors: as Activations::collect().
[[nodiscard]] Result<std::vector<std::optional<Observation>>> observe(Activations& activations, ObserverKind kind);

// observe() for a single use: nothing is kept for another pass. Errors: also those of Activations::create().
[[nodiscard]] Result<std::vector<std::optional<Observation>>> calibrate(
    const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind, int threads,
    const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace narrow::graph
