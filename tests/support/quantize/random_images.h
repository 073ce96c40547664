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

// Gives the last layer the biases and the factor with which the scores of these images have the mean 0, class by class,
// and the standard deviation `deviation`. Random networks often have one best class for all images otherwise. Not for
// networks whose scores are the same for all images.
void spread_scores(graph::Graph& graph, std::size_t count, double deviation);

}  // namespace narrow::testing
