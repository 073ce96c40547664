// One form for average pools that mean the same.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// A window as large as the picture, without padding, becomes a GlobalAveragePool; count_include_pad is dropped where
// there is no padding. Precondition: a valid graph.
[[nodiscard]] PassLog canonicalise_average_pools(Graph& graph);

}  // namespace narrow::graph
