// The executor's simulation against sessions of the engine, which compute with integers.
#pragma once

#include <vector>

#include "floating/float_executor.h"
#include "graph/ir.h"
#include "narrow/quantize.h"

namespace narrow::testing {

// Checks that the executor gives each live value of an integer network exactly as a session on the scalar kernels does:
// for each value one session on the network that ends there.
void check_equals_engine(const graph::Graph& quantized, const std::vector<float>& input);

// Quantizes the float network with these options, lays the decisions over the float network, and checks that every
// value that has integers, and the output, equal those of the integer network built of the same decisions.
void check_laid_over_equals_built(const graph::Graph& network, const QuantizeOptions& options,
                                  const std::vector<float>& input);

// A random network (tests/support/graph/random_network.h), simplified, that the quantizer takes: one of the first seeds
// from `seed` on. It refuses those that clamp away zero.
[[nodiscard]] graph::Graph random_quantizable(unsigned seed);

// A random input of the network.
[[nodiscard]] std::vector<float> float_input(const graph::Graph& graph, unsigned seed);

// Runs the whole network on one image and returns its output.
[[nodiscard]] std::vector<float> run_whole(graph::FloatExecutor& executor, const graph::Graph& graph,
                                           const std::vector<float>& input);

}  // namespace narrow::testing
