#include "tests/support/graph/named.h"

#include <algorithm>

namespace narrow::testing {
namespace {

template <class Items>
std::size_t index_named(const Items& items, std::string_view name) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
  if (found == items.end()) throw Failure(Error{ErrorCode::kNotFound, "nothing has this name", std::string(name)});
  return static_cast<std::size_t>(found - items.begin());
}

}  // namespace

graph::Node& node_named(graph::Graph& graph, std::string_view name) {
  return graph.nodes[index_named(graph.nodes, name)];
}

const graph::Node& node_named(const graph::Graph& graph, std::string_view name) {
  return graph.nodes[index_named(graph.nodes, name)];
}

graph::ValueId id_named(const graph::Graph& graph, std::string_view name) {
  return static_cast<graph::ValueId>(index_named(graph.values, name));
}

graph::Value& value_named(graph::Graph& graph, std::string_view name) {
  return graph.values[index_named(graph.values, name)];
}

}  // namespace narrow::testing
