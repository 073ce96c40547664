#include "pipeline/counterparts.h"

namespace narrow {
inline namespace v0 {

using graph::kNoValue;
using graph::ValueId;

Counterparts::Counterparts(const graph::Graph& reference, const graph::Graph& other)
    : reference_(reference), other_(other) {
  for (std::size_t id = 0; id < reference.values.size(); ++id) {
    by_name_[reference.values[id].name] = static_cast<ValueId>(id);
  }
  for (const graph::Node& node : reference.nodes) by_node_[node.name] = node.output;
  for (std::size_t n = 0; n < other.nodes.size(); ++n) writer_[other.nodes[n].output] = n;
}

ValueId Counterparts::of(ValueId id) const {
  if (id == other_.input) return reference_.input;
  const auto named = [&](const std::unordered_map<std::string, ValueId>& names, const std::string& name) {
    const auto found = names.find(name);
    const bool is_same_size =
        found != names.end() && reference_.value(found->second).shape.elems() == other_.value(id).shape.elems();
    return is_same_size ? found->second : kNoValue;
  };
  if (const ValueId same = named(by_name_, other_.value(id).name); same != kNoValue) return same;
  const auto writer = writer_.find(id);
  return writer == writer_.end() ? kNoValue : named(by_node_, other_.nodes[writer->second].name);
}

ValueId Counterparts::of_input(ValueId id) const {
  while (true) {
    if (const ValueId same = of(id); same != kNoValue) return same;
    const auto writer = writer_.find(id);
    if (writer == writer_.end()) return kNoValue;
    const graph::Node& node = other_.nodes[writer->second];
    if (!graph::is<graph::Quantize, graph::Dequantize>(node.op)) return kNoValue;
    id = node.inputs[0];
  }
}

}  // namespace v0
}  // namespace narrow
