// Nodes and values by their names.
#pragma once

#include <string>
#include <string_view>

#include "graph/ir.h"

namespace narrow::testing {

// Each throws narrow::Failure (kNotFound) if there is none.
[[nodiscard]] graph::Node& node_named(graph::Graph& graph, std::string_view name);
[[nodiscard]] const graph::Node& node_named(const graph::Graph& graph, std::string_view name);
[[nodiscard]] graph::ValueId id_named(const graph::Graph& graph, std::string_view name);
[[nodiscard]] graph::Value& value_named(graph::Graph& graph, std::string_view name);

}  // namespace narrow::testing
