// Gives average pools with the same meaning the same operator.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// A window as large as the image, without padding, becomes a GlobalAveragePool. count_include_pad is reset where there
// is no padding. Precondition: a valid graph.
[[nodiscard]] PassLog canonicalise_average_pools(Graph& graph);

}  // namespace narrow::graph
