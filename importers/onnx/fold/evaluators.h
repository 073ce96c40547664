// The operators that evaluate() supports. Each file that computes some of them lists its own.
#pragma once

#include <span>
#include <string_view>

#include "importers/onnx/fold/evaluator_support.h"

namespace narrow::onnx::evaluation {

// Returns the node's outputs. Errors: inputs or attributes that do not fit.
using Evaluator = Outputs (*)(const Call&);

struct EvaluatorRow {
  std::string_view name;  // of the operator
  Evaluator evaluator;
};

[[nodiscard]] std::span<const EvaluatorRow> elementwise_evaluators();   // Add, Max, Equal, Where, Sqrt, Cast, Clip, ...
[[nodiscard]] std::span<const EvaluatorRow> shape_evaluators();         // Constant, Shape, Range, Reshape, Squeeze, ...
[[nodiscard]] std::span<const EvaluatorRow> movement_evaluators();      // Transpose, Gather, Concat, Slice, Pad, ...
[[nodiscard]] std::span<const EvaluatorRow> reduction_evaluators();     // ReduceSum, ..., MatMul
[[nodiscard]] std::span<const EvaluatorRow> quantization_evaluators();  // QuantizeLinear, DequantizeLinear

}  // namespace narrow::onnx::evaluation
