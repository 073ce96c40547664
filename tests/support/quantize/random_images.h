// Random calibration images, and what networks make of them.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "quantize/quantize_graph.h"

namespace narrow::testing {

// random_input() of each number below `count`. Borrows the graph.
[[nodiscard]] CalibrationInputs random_images(const graph::Graph& graph, std::size_t count);

// The scores of each of these images in float. Throws narrow::Failure where they can't be computed.
[[nodiscard]] std::vector<std::vector<float>> scores_of(const graph::Graph& graph, std::size_t count);

// Quantized with these images. Throws narrow::Failure where that fails.
[[nodiscard]] graph::QuantizedGraph quantized_on_random_images(const graph::Graph& graph, std::size_t count,
                                                               const QuantizeOptions& options);

}  // namespace narrow::testing
