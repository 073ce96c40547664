// Runs the float network on calibration pictures and observes every tensor.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize.h"
#include "narrow/result.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// Observations by ValueId, with the means of channels; nothing for values that the output does not depend on. Streams:
// each of `threads` workers holds one picture at a time, so memory does not grow with the number of pictures. The
// result, an error included, does not depend on `threads` or on the order of the pictures. progress(done, total) may be
// empty; it is called from one thread at a time, with `done` ascending by one. Errors: no pictures, threads < 1, what
// FloatExecutor::create finds, an error of `inputs.fill` (as it is, of the first picture that has one), an input or
// activation that is not finite (kInvalidArgument; names tensor and picture).
[[nodiscard]] Result<std::vector<std::optional<Observation>>> calibrate(
    const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind, int threads,
    const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace narrow::graph
