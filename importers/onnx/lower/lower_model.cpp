#include "importers/onnx/lower/lower_model.h"

#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/fold_node.h"
#include "importers/onnx/lower/layer_norm.h"
#include "importers/onnx/lower/network_ends.h"
#include "importers/onnx/lower/operator_table.h"

namespace narrow::onnx {
namespace {

Error not_supported(const Node& node) {
  const std::string& op = node.op_type;
  const std::string domain = node.domain.empty() ? "" : " of domain " + base::in_quotes(node.domain);
  return unsupported(node, "the operator " + base::in_quotes(op) + domain +
                               " is not supported; `narrow operators` lists those that are");
}

// The cost of a view grows with its dimensions, and each node may add some.
Status check_ranks(const Lowering& lowering, const Node& node) {
  constexpr int kMaxRank = 32;
  for (const std::string& name : node.outputs) {
    const Item* item = name.empty() ? nullptr : lowering.names.find(name);
    const Flow* flow = item == nullptr ? nullptr : std::get_if<Flow>(item);
    if (flow != nullptr && flow->view.rank() > kMaxRank) {
      return node_error(node, ErrorCode::kLimit,
                        "its result has " + std::to_string(flow->view.rank()) + " dimensions; at most " +
                            std::to_string(kMaxRank) + " are supported");
    }
  }
  return {};
}

Status lower_node(Lowering& lowering, const Node& node) {
  const OperatorRow* row = find_operator(node);
  if (row == nullptr) return not_supported(node);
  if (row->handler == nullptr) {
    return unsupported(node, "is supported for constant inputs only; `narrow operators` lists what is supported");
  }
  NARROW_TRY(check_arity(*row, node));
  NARROW_TRY(row->handler(lowering, node));
  return check_ranks(lowering, node);
}

// Constants are folded first, because the parameters of an integer input may be among them. Then nodes that depend on
// the input are lowered; some of them (shapes) become constants too.
Result<int> lower_nodes(Lowering& lowering) {
  const std::vector<Node>& nodes = lowering.model.nodes;
  std::vector<char> done(nodes.size(), 0);
  int folded = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!lowering.names.is_live(nodes[i])) {
      done[i] = 1;
      continue;
    }
    NARROW_ASSIGN(const bool constant, fold_node(lowering, nodes[i]));
    done[i] = constant ? 1 : 0;
    folded += constant ? 1 : 0;
  }
  NARROW_TRY(lower_network_input(lowering));
  const auto layer_norms = find_layer_norms(lowering);
  for (const auto& [last, parts] : layer_norms) {
    for (const std::size_t other : parts.others) done[other] = 1;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (done[i] != 0) continue;
    if (const auto found = layer_norms.find(i); found != layer_norms.end()) {
      NARROW_TRY(lower_layer_norm_parts(lowering, found->second));
      continue;
    }
    NARROW_ASSIGN(const bool constant, fold_node(lowering, nodes[i]));
    folded += constant ? 1 : 0;
    if (!constant) NARROW_TRY(lower_node(lowering, nodes[i]));
  }
  return folded;
}

}  // namespace

Result<Lowered> lower_model(const Model& model, const LowerOptions& options) {
  if (model.outputs.empty()) return Error{ErrorCode::kMalformed, "the network has no output", {}};
  Lowering lowering(model, options);
  NARROW_ASSIGN(const int folded, lower_nodes(lowering));
  NARROW_TRY(lower_network_output(lowering));
  if (folded > 0) lowering.log.add("folded " + std::to_string(folded) + " constant nodes");

  Lowered result{std::move(lowering.graph).take(), lowering.log.take()};
  graph::remove_dead(result.graph);
  NARROW_TRY(graph::validate(result.graph));
  return result;
}

}  // namespace narrow::onnx
