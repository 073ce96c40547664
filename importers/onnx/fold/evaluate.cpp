#include "importers/onnx/fold/evaluate.h"

#include <new>
#include <string>

#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx {
namespace {

// nullptr: no family of evaluators has this operator.
evaluation::Evaluator find_evaluator(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  for (const auto family :
       {evaluation::elementwise_evaluators, evaluation::shape_evaluators, evaluation::movement_evaluators,
        evaluation::reduction_evaluators, evaluation::quantization_evaluators}) {
    for (const evaluation::EvaluatorRow& row : family()) {
      if (row.name == node.op_type) return row.evaluator;
    }
  }
  return nullptr;
}

}  // namespace

bool can_evaluate(const Node& node) { return find_evaluator(node) != nullptr; }

Result<std::vector<Tensor>> evaluate(const Node& node, const std::vector<const Tensor*>& inputs, std::int64_t opset) {
  const evaluation::Evaluator evaluator = find_evaluator(node);
  if (evaluator == nullptr) {
    return Error{ErrorCode::kUnsupported, "this operator is not computed on constants", node.describe()};
  }
  try {
    NARROW_ASSIGN(std::vector<Tensor> outputs, evaluator(evaluation::Call{node, inputs, opset}));
    if (outputs.size() < node.outputs.size()) {
      return Error{ErrorCode::kMalformed,
                   "the operator has " + std::to_string(outputs.size()) + " outputs, but the node names " +
                       std::to_string(node.outputs.size()),
                   node.describe()};
    }
    return outputs;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory for its result", node.describe()};
  }
}

}  // namespace narrow::onnx
