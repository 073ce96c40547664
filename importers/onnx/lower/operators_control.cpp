// Control flow that is decided before the network runs.
#include <string>

#include "base/try.h"
#include "importers/onnx/lower/fold_node.h"
#include "importers/onnx/lower/lower_node.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

Result<bool> condition_of(const Lowering& lowering, const Node& node) {
  const Constant* condition = lowering.names.constant_or_null(node, 0);
  if (condition == nullptr) {
    return unsupported(node,
                       "its condition depends on the image; only conditions that shapes and constants decide are "
                       "supported",
                       "export the network without it, for one input size");
  }
  if (condition->tensor->type != ElementType::kBool || condition->tensor->elems() != 1) {
    return malformed(node, "its condition is not one bool");
  }
  return condition->tensor->to_ints()[0] != 0;
}

}  // namespace

Status lower_if(Lowering& lowering, const Node& node) {
  NARROW_ASSIGN(const bool holds, condition_of(lowering, node));
  const char* name = holds ? "then_branch" : "else_branch";
  const Subgraph* branch = node.find_graph(name);
  if (branch == nullptr) return malformed(node, std::string("attribute '") + name + "' is missing");
  if (branch->outputs.size() != node.outputs.size()) {
    return malformed(node, std::string("attribute '") + name + "' has another number of outputs than the node");
  }
  for (const auto& [constant, tensor] : branch->constants) lowering.names.bind(constant, Constant{&tensor});
  for (const Node& inner : branch->nodes) {
    if (!lowering.names.is_live(inner)) continue;
    NARROW_ASSIGN(const bool folded, fold_node(lowering, inner));
    if (!folded) NARROW_TRY(lower_node(lowering, inner));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const Item* item = lowering.names.find(branch->outputs[i]);
    if (item != nullptr) {
      lowering.names.bind(node, *item, i);
    } else if (lowering.names.is_live(node.outputs[i])) {
      return malformed(node, std::string("attribute '") + name + "' does not compute its output " + std::to_string(i));
    }
  }
  return {};
}

}  // namespace narrow::onnx
