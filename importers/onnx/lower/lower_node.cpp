#include "importers/onnx/lower/lower_node.h"

#include <string>

#include "base/text.h"
#include "base/try.h"
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

}  // namespace

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

}  // namespace narrow::onnx
