// The row of `narrow inspect` for one node.
#pragma once

#include "graph/ir.h"
#include "narrow/inspect.h"
#include "narrow/model.h"

namespace narrow::engine {

// graph is validated and node is one of its nodes.
[[nodiscard]] LayerInfo describe_layer(const graph::Graph& graph, const graph::Node& node);

}  // namespace narrow::engine
