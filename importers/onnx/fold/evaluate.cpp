#include "importers/onnx/fold/evaluate.h"

#include <new>
#include <string>

#include "base/try.h"
#include "importers/onnx/fold/evaluators.h"

namespace narrow::onnx {
namespace {

struct Found {
  evaluation::Evaluator evaluator = nullptr;  // nullptr: no family of evaluators has this operator
  bool converts = false;                      // it computes with copies of its inputs, as float or int64
};

Found find_evaluator(const Node& node) {
  if (!node.domain.empty()) return {};
  struct Family {
    std::span<const evaluation::EvaluatorRow> rows;
    bool converts;
  };
  for (const auto& [rows, converts] :
       {Family{evaluation::elementwise_evaluators(), true}, Family{evaluation::shape_evaluators(), false},
        Family{evaluation::movement_evaluators(), false}, Family{evaluation::reduction_evaluators(), true},
        Family{evaluation::quantization_evaluators(), true}}) {
    for (const evaluation::EvaluatorRow& row : rows) {
      if (row.name == node.op_type) return {row.evaluator, converts};
    }
  }
  return {};
}

// Counts the time to read the inputs, and the memory of their copies.
Status spend_on_inputs(const evaluation::Call& call, bool converts) {
  for (const Tensor* input : call.inputs) {
    if (input == nullptr) continue;
    NARROW_TRY(call.at_node(call.budget.spend_time(input->elems())));
    if (converts) NARROW_TRY(call.at_node(call.budget.check_copy(input->elems())));
  }
  return {};
}

}  // namespace

bool can_evaluate(const Node& node) { return find_evaluator(node).evaluator != nullptr; }

Result<std::vector<Tensor>> evaluate(const Node& node, const std::vector<const Tensor*>& inputs, std::int64_t opset,
                                     Budget* budget) {
  const Found found = find_evaluator(node);
  if (found.evaluator == nullptr) {
    return Error{ErrorCode::kUnsupported,
                 "this operator is not computed on constants; run onnxsim on the file first, which computes them",
                 node.describe()};
  }
  Budget of_any_file;
  const evaluation::Call call{node, inputs, opset, budget != nullptr ? *budget : of_any_file};
  try {
    NARROW_TRY(spend_on_inputs(call, found.converts));
    NARROW_ASSIGN(std::vector<Tensor> outputs, found.evaluator(call));
    if (outputs.size() < node.outputs.size()) {
      return Error{ErrorCode::kMalformed,
                   "the operator has " + std::to_string(outputs.size()) + " outputs, but the node names " +
                       std::to_string(node.outputs.size()),
                   node.describe()};
    }
    for (const Tensor& output : outputs) call.budget.keep(bytes_of(output));
    return outputs;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory for its result", node.describe()};
  }
}

}  // namespace narrow::onnx
