// Nodes and values by their names.
#pragma once

#include <string>

#include "graph/ir.h"

namespace narrow::testing {

// Each throws narrow::Failure (kNotFound) if there is none.
[[nodiscard]] graph::Node& node_named(graph::Graph& graph, const std::string& name);
[[nodiscard]] const graph::Node& node_named(const graph::Graph& graph, const std::string& name);
[[nodiscard]] graph::ValueId id_named(const graph::Graph& graph, const std::string& name);
[[nodiscard]] graph::Value& value_named(graph::Graph& graph, const std::string& name);

}  // namespace narrow::testing
