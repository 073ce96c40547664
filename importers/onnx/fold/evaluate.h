// Computes nodes whose inputs are all constant, such as the shape arithmetic that exporters write.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/onnx/fold/budget.h"
#include "importers/onnx/read/model.h"
#include "importers/onnx/read/tensor.h"
#include "narrow/result.h"

namespace narrow::onnx {

// Whether evaluate() supports this operator.
[[nodiscard]] bool can_evaluate(const Node& node);

// Returns the node's outputs, computed as the ONNX operator specification defines them for this opset. inputs: in the
// node's order, nullptr where an optional one is missing. Supported: Constant, ConstantOfShape, Cast, CastLike, Gather,
// Concat, Slice, Unsqueeze, Squeeze, Reshape, Flatten, Transpose, Identity, Dropout, Expand, Tile, Range, Split, Add,
// Sub, Mul, Div, Mod, Pow, Sqrt, Reciprocal, Neg, Abs, Sign, Exp, Log, Sigmoid, Tanh, Softplus, Erf, Floor, Ceil,
// Round, Sum, Max, Min, Clip, Relu, Equal, Greater, Less, GreaterOrEqual, LessOrEqual, Not, And, Or, Where, all Reduce
// operators, Pad (constant mode), Shape, Size, MatMul, QuantizeLinear, DequantizeLinear. Errors: kMalformed (inputs
// that do not fit, a division of integers by zero), kUnsupported, kLimit (the budget). Time and memory are counted
// before they are taken. Without a budget the node may cost what a file without constants may.
[[nodiscard]] Result<std::vector<Tensor>> evaluate(const Node& node, const std::vector<const Tensor*>& inputs,
                                                   std::int64_t opset, Budget* budget = nullptr);

}  // namespace narrow::onnx
