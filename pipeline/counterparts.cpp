#include "pipeline/counterparts.h"

namespace narrow {

using graph::kNoValue;
using graph::ValueId;

Counterparts::Counterparts(const graph::Graph& reference, const graph::Graph& other)
    : reference_(reference), other_(other) {
  for (std::size_t id = 0; id < reference.values.size(); ++id) {
    by_name_[reference.values[id].name] = static_cast<ValueId>(id);
  }
  for (std::size_t n = 0; n < other.nodes.size(); ++n) writer_[other.nodes[n].output] = n;
}

ValueId Counterparts::of(ValueId id) const {
  if (id == other_.input) return reference_.input;
  const auto found = by_name_.find(other_.value(id).name);
  if (found == by_name_.end()) return kNoValue;
  const bool same_size = reference_.value(found->second).shape.elems() == other_.value(id).shape.elems();
  return same_size ? found->second : kNoValue;
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

}  // namespace narrow
