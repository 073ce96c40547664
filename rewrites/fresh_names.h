// Names for what passes add. Graph::add_value() looks through all names each time; passes that add many ask here.
#pragma once

#include <string>
#include <unordered_set>

#include "graph/ir.h"

namespace narrow::graph {

class FreshNames {
 public:
  explicit FreshNames(const Graph& graph) {
    for (const Value& value : graph.values) taken_.insert(value.name);
    for (const Node& node : graph.nodes) taken_.insert(node.name);
  }

  // `name`, with underscores behind it until neither a value nor a node of the graph has it.
  [[nodiscard]] std::string make(std::string name) {
    while (!taken_.insert(name).second) name += "_";
    return name;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace narrow::graph
