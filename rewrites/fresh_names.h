// Unique names for what passes add. Graph::add_value() searches all names each time, which is slow for many names.
#pragma once

#include <string>
#include <utility>

#include "base/unique_names.h"
#include "graph/ir.h"

namespace narrow::graph {

class FreshNames {
 public:
  explicit FreshNames(const Graph& graph) {
    for (const Value& value : graph.values) names_.take(value.name);
    for (const Node& node : graph.nodes) names_.take(node.name);
  }

  // `name`, with underscores appended until neither a value nor a node of the graph has it.
  [[nodiscard]] std::string make(std::string name) { return names_.with_underscores(std::move(name)); }

 private:
  base::UniqueNames names_;
};

}  // namespace narrow::graph
