#include "importers/onnx/lower/lower_node.h"

#include <string>

#include "base/text.h"
#include "base/try.h"
#include "importers/onnx/lower/operator_table.h"

namespace narrow::onnx {
namespace {

// What to do about an operator that is not in the table.
std::string_view operator_advice(const Node& node) {
  struct Advice {
    std::string_view domain;
    std::string_view ops;  // each between two spaces; empty: all
    std::string_view next;
  };
  constexpr Advice kAdvice[] = {
      {"", " Attention MultiHeadAttention RotaryEmbedding ", next_step::kAttention},
      {"com.microsoft", " Attention MultiHeadAttention PackedAttention QAttention QOrderedAttention ",
       next_step::kAttention},
      {"com.microsoft", "",
       "it is of ONNX Runtime's optimizations: use the file from before them, or save it with the level "
       "ORT_ENABLE_BASIC"},
      {"com.microsoft.nchwc", "",
       "it is of ONNX Runtime's optimizations: use the file from before them, or save it with the level "
       "ORT_ENABLE_BASIC"},
      {"ai.onnx.ml", "", "--output-name takes the tensor before it, if it is at the end of the network"},
      {"", " SequenceConstruct SequenceInsert SplitToSequence SequenceAt ConcatFromSequence SequenceEmpty ",
       "--output-name takes the tensor before it, if it is at the end of the network"},
      {"", " NonMaxSuppression RoiAlign MaxRoiPool ",
       "it belongs to detectors, and Narrow runs networks that classify whole images"},
      {"", " LSTM GRU RNN ", "Narrow runs networks of images, without recurrent layers"},
      {"", " ATen Loop Scan ", "export the network without it, for one input size"},
  };
  for (const Advice& advice : kAdvice) {
    if (advice.domain != node.domain) continue;
    if (advice.ops.empty() || advice.ops.find(" " + node.op_type + " ") != std::string_view::npos) return advice.next;
  }
  return node.domain.empty() ? next_step::kSimplify : "export the network with the operators of ONNX";
}

Error not_supported(const Node& node) {
  const std::string& op = node.op_type;
  const std::string domain = node.domain.empty() ? "" : " of domain " + base::in_quotes(node.domain);
  return unsupported(
      node,
      "the operator " + base::in_quotes(op) + domain + " is not supported; `narrow operators` lists those that are",
      operator_advice(node));
}

// The cost of a view grows with its dimensions, and each node may add some.
Status check_ranks(const Lowering& lowering, const Node& node) {
  constexpr int kMaxRank = 32;
  for (const std::string& name : node.outputs) {
    const Item* item = name.empty() ? nullptr : lowering.names.find(name);
    const Flow* flow = item == nullptr ? nullptr : std::get_if<Flow>(item);
    if (flow != nullptr && flow->view.rank() > kMaxRank) {
      return node_error(node, ErrorCode::kLimit,
                        "its result has " + std::to_string(flow->view.rank()) + " dimensions, at most " +
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
    return unsupported(node, "is supported for constant inputs only", next_step::kSimplify);
  }
  NARROW_TRY(check_arity(*row, node));
  NARROW_TRY(row->handler(lowering, node));
  return check_ranks(lowering, node);
}

}  // namespace narrow::onnx
