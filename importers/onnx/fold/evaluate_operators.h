// The operators that evaluate() knows, by the file that computes them.
#pragma once

#include <string_view>

#include "importers/onnx/fold/evaluate_support.h"

namespace narrow::onnx::evaluation {

using Evaluator = Outputs (*)(const Call&);

// nullptr: not one of this family.
[[nodiscard]] Evaluator find_creation(std::string_view op_type);      // Constant, Shape, Range, ...
[[nodiscard]] Evaluator find_arithmetic(std::string_view op_type);    // Add, Max, Equal, Where, ...
[[nodiscard]] Evaluator find_unary(std::string_view op_type);         // Sqrt, Cast, Clip, ...
[[nodiscard]] Evaluator find_shape(std::string_view op_type);         // Reshape, Squeeze, Identity, ...
[[nodiscard]] Evaluator find_movement(std::string_view op_type);      // Transpose, Gather, Concat, Split, Tile, ...
[[nodiscard]] Evaluator find_region(std::string_view op_type);        // Slice, Pad
[[nodiscard]] Evaluator find_reduction(std::string_view op_type);     // ReduceSum, ..., MatMul
[[nodiscard]] Evaluator find_quantization(std::string_view op_type);  // QuantizeLinear, DequantizeLinear

}  // namespace narrow::onnx::evaluation
