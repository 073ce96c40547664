// Handlers of the ONNX operators, by the file that holds them. A handler reads a node's inputs, appends to the graph
// and binds the outputs.
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

using Handler = Status (*)(Lowering&, const Node&);

// operators_layer.cpp
Status lower_conv(Lowering& lowering, const Node& node);
Status lower_gemm(Lowering& lowering, const Node& node);
Status lower_matmul(Lowering& lowering, const Node& node);

// operators_function.cpp: elementwise functions of one tensor
Status lower_relu(Lowering& lowering, const Node& node);
Status lower_clip(Lowering& lowering, const Node& node);
Status lower_function(Lowering& lowering, const Node& node);  // those of the table in the file: LeakyRelu, Elu, ...
Status lower_prelu(Lowering& lowering, const Node& node);

// operators_arithmetic.cpp
Status lower_binary(Lowering& lowering, const Node& node);  // Add, Sub, Mul, Div
Status lower_sum(Lowering& lowering, const Node& node);
Status lower_neg(Lowering& lowering, const Node& node);

// operators_normalise.cpp
Status lower_batch_norm(Lowering& lowering, const Node& node);
Status lower_softmax(Lowering& lowering, const Node& node);
Status lower_lrn(Lowering& lowering, const Node& node);

// layer_norm.cpp
Status lower_layer_norm(Lowering& lowering, const Node& node);

// operators_pool.cpp
Status lower_max_pool(Lowering& lowering, const Node& node);
Status lower_average_pool(Lowering& lowering, const Node& node);
Status lower_global_pool(Lowering& lowering, const Node& node);  // GlobalAveragePool, GlobalMaxPool
Status lower_reduce(Lowering& lowering, const Node& node);       // ReduceMean, ReduceSum, ReduceMax

// operators_shape.cpp: operators that only change the view
Status lower_identity(Lowering& lowering, const Node& node);  // Identity, Dropout
Status lower_cast(Lowering& lowering, const Node& node);
Status lower_reshape(Lowering& lowering, const Node& node);
Status lower_flatten(Lowering& lowering, const Node& node);
Status lower_squeeze(Lowering& lowering, const Node& node);
Status lower_unsqueeze(Lowering& lowering, const Node& node);
Status lower_transpose(Lowering& lowering, const Node& node);
Status lower_shape(Lowering& lowering, const Node& node);  // Shape, Size

// operators_select.cpp, operators_concat.cpp: slices of tensors, padding and concatenation
Status lower_slice(Lowering& lowering, const Node& node);
Status lower_split(Lowering& lowering, const Node& node);
Status lower_gather(Lowering& lowering, const Node& node);
Status lower_pad(Lowering& lowering, const Node& node);
Status lower_concat(Lowering& lowering, const Node& node);

// operators_quantize.cpp
Status lower_quantize(Lowering& lowering, const Node& node);
Status lower_dequantize(Lowering& lowering, const Node& node);
Status lower_quant(Lowering& lowering, const Node& node);             // Quant of QONNX and Brevitas
Status lower_bipolar_quant(Lowering& lowering, const Node& node);     // of constants
Status lower_dynamic_quantize(Lowering& lowering, const Node& node);  // DynamicQuantizeLinear
Status lower_integer_layer(Lowering& lowering, const Node& node);     // ConvInteger, MatMulInteger
Status lower_qlinear(Lowering& lowering, const Node& node);           // as Dequantize, operator, Quantize

}  // namespace narrow::onnx
