#include "importers/onnx/fold/evaluate.h"

#include <array>
#include <new>
#include <string>

#include "importers/onnx/fold/evaluate_operators.h"

namespace narrow::onnx {
namespace {

evaluation::Evaluator find(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  constexpr std::array kFamilies = {evaluation::find_creation,  evaluation::find_arithmetic,  evaluation::find_unary,
                                    evaluation::find_shape,     evaluation::find_movement,    evaluation::find_region,
                                    evaluation::find_reduction, evaluation::find_quantization};
  for (const auto& family : kFamilies) {
    if (const evaluation::Evaluator found = family(node.op_type); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace

bool can_evaluate(const Node& node) { return find(node) != nullptr; }

Result<std::vector<Tensor>> evaluate(const Node& node, const std::vector<const Tensor*>& inputs, std::int64_t opset) {
  const evaluation::Evaluator evaluator = find(node);
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
