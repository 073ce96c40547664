#include "pipeline/prepared_reference.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "graph/liveness.h"
#include "pipeline/counterparts.h"
#include "pipeline/mixed_channels.h"
#include "pipeline/study_weights.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;
using graph::ValueMap;

// Gives the reference the narrow copies that the model has. Returns how many.
Result<std::size_t> add_copies(const Graph& model, Graph& reference) {
  const Counterparts counterparts(reference, model);
  std::set<std::string> values;
  for (ValueId id = 0; reference.has(id); ++id) values.insert(reference.value(id).name);
  const ValueMap<std::vector<int>> readers = graph::consumers(model);
  // By the value of the reference: the copy's name, and the names of the nodes that read it.
  std::map<ValueId, std::pair<std::string, std::set<std::string>>> copies;
  for (const Node& node : model.nodes) {
    const ValueId source = counterparts.of(node.inputs[0]);
    const bool is_copy = graph::is<graph::Activation>(node.op) && node.clamp.is_identity() &&
                         values.count(node.name) == 0 && source != kNoValue;
    if (!is_copy || reference.value(source).shape != model.value(node.output).shape) continue;
    auto& copy = copies[source];
    copy.first = node.name;
    for (const int reader : readers[node.output])
      copy.second.insert(model.nodes[static_cast<std::size_t>(reader)].name);
  }
  if (copies.empty()) return std::size_t{0};
  std::map<ValueId, ValueId> made;
  std::vector<Node> nodes = std::move(reference.nodes);
  reference.nodes.clear();
  for (Node& node : nodes) {
    for (ValueId& id : node.inputs) {
      const auto copy = made.find(id);
      if (copy != made.end() && copies.at(id).second.count(node.name) != 0) id = copy->second;
    }
    const ValueId written = node.output;
    reference.nodes.push_back(std::move(node));
    const auto copy = copies.find(written);
    if (copy == copies.end()) continue;
    NARROW_ASSIGN(made[written], reference.add_node(copy->second.first, graph::Activation{}, {written}));
  }
  return made.size();
}

}  // namespace

Result<std::optional<PreparedReference>> prepare_reference(const Graph& reference, const Graph& model,
                                                           const CalibrationInputs& inputs) {
  std::optional<PreparedReference> result;
  if (has_integers(reference) || !has_integers(model)) return result;
  PreparedReference prepared{reference};
  NARROW_ASSIGN(prepared.copies, add_copies(model, prepared.graph));
  NARROW_ASSIGN(prepared.mixed_sets, mix_as(model, inputs, prepared.graph));
  if (prepared.copies > 0 || prepared.mixed_sets > 0) result = std::move(prepared);
  return result;
}

}  // namespace v0
}  // namespace narrow
