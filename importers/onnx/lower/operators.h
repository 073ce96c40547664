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
// x [..., in] times a constant matrix [in, out], which must live as long as the lowering.
[[nodiscard]] Result<View> times_matrix(Lowering& lowering, const Node& node, const View& x, const Tensor& matrix);

// operators_transposed.cpp
Status lower_conv_transpose(Lowering& lowering, const Node& node);

// operators_function.cpp: elementwise functions of one tensor
Status lower_relu(Lowering& lowering, const Node& node);
Status lower_clip(Lowering& lowering, const Node& node);
Status lower_function(Lowering& lowering, const Node& node);  // those of the table in the file: LeakyRelu, Elu, ...
Status lower_prelu(Lowering& lowering, const Node& node);
Status lower_pow(Lowering& lowering, const Node& node);

// operators_arithmetic.cpp
Status lower_binary(Lowering& lowering, const Node& node);   // Add, Sub, Mul, Div
Status lower_sum(Lowering& lowering, const Node& node);      // Sum, Mean
Status lower_extreme(Lowering& lowering, const Node& node);  // Max, Min
Status lower_neg(Lowering& lowering, const Node& node);

// operators_logic.cpp: comparisons, and choices by them. A computed bool is the real number 0 or 1.
Status lower_comparison(Lowering& lowering, const Node& node);  // Greater, LessOrEqual, Equal, ...
Status lower_logic(Lowering& lowering, const Node& node);       // Not, And, Or, Xor
Status lower_where(Lowering& lowering, const Node& node);
Status lower_mod(Lowering& lowering, const Node& node);

// operators_einsum.cpp
Status lower_einsum(Lowering& lowering, const Node& node);

// operators_normalise.cpp
Status lower_batch_norm(Lowering& lowering, const Node& node);
Status lower_softmax(Lowering& lowering, const Node& node);
Status lower_lrn(Lowering& lowering, const Node& node);

// layer_norm.cpp
Status lower_layer_norm(Lowering& lowering, const Node& node);
Status lower_rms_norm(Lowering& lowering, const Node& node);
Status lower_instance_norm(Lowering& lowering, const Node& node);  // and MeanVarianceNormalization
Status lower_group_norm(Lowering& lowering, const Node& node);

// operators_pool.cpp
Status lower_max_pool(Lowering& lowering, const Node& node);
Status lower_average_pool(Lowering& lowering, const Node& node);
Status lower_global_pool(Lowering& lowering, const Node& node);  // GlobalAveragePool, GlobalMaxPool
Status lower_reduce(Lowering& lowering, const Node& node);       // ReduceMean, ReduceL2, ...
Status lower_reduce_product(Lowering& lowering, const Node& node);
Status lower_lp_pool(Lowering& lowering, const Node& node);  // LpPool, GlobalLpPool
Status lower_lp_normalization(Lowering& lowering, const Node& node);

// operators_shape.cpp: operators that only change the view
Status lower_identity(Lowering& lowering, const Node& node);  // Identity, Dropout
Status lower_cast(Lowering& lowering, const Node& node);      // Cast, CastLike
Status lower_reshape(Lowering& lowering, const Node& node);
Status lower_flatten(Lowering& lowering, const Node& node);
Status lower_squeeze(Lowering& lowering, const Node& node);
Status lower_unsqueeze(Lowering& lowering, const Node& node);
Status lower_transpose(Lowering& lowering, const Node& node);
Status lower_shape(Lowering& lowering, const Node& node);  // Shape, Size
Status lower_depth_to_space(Lowering& lowering, const Node& node);
Status lower_space_to_depth(Lowering& lowering, const Node& node);
Status lower_expand(Lowering& lowering, const Node& node);
Status lower_tile(Lowering& lowering, const Node& node);

// operators_resize.cpp
Status lower_resize(Lowering& lowering, const Node& node);  // Resize, Upsample

// operators_control.cpp
Status lower_if(Lowering& lowering, const Node& node);

// operators_select.cpp, operators_concat.cpp: slices of tensors, padding and concatenation
Status lower_slice(Lowering& lowering, const Node& node);
Status lower_split(Lowering& lowering, const Node& node);
Status lower_gather(Lowering& lowering, const Node& node);
Status lower_pad(Lowering& lowering, const Node& node);
Status lower_concat(Lowering& lowering, const Node& node);

// operators_fused.cpp: what ONNX Runtime's optimizations write
Status lower_fused_layer(Lowering& lowering, const Node& node);  // FusedConv, FusedGemm
Status lower_fused_gelu(Lowering& lowering, const Node& node);   // BiasGelu, FastGelu, QuickGelu, Swish

// operators_quantize.cpp: Q, DQ and QLinear operators. operators_dialects.cpp: other ways to write quantization
Status lower_quantize(Lowering& lowering, const Node& node);
Status lower_dequantize(Lowering& lowering, const Node& node);
Status lower_quant(Lowering& lowering, const Node& node);  // Quant of QONNX and Brevitas
Status lower_bipolar_quant(Lowering& lowering, const Node& node);
Status lower_trunc(Lowering& lowering, const Node& node);             // refuses Trunc of QONNX and Brevitas
Status lower_dynamic_matmul(Lowering& lowering, const Node& node);    // DynamicQuantizeMatMul
Status lower_matmul_to_float(Lowering& lowering, const Node& node);   // MatMulIntegerToFloat
Status lower_dynamic_quantize(Lowering& lowering, const Node& node);  // DynamicQuantizeLinear
Status lower_integer_layer(Lowering& lowering, const Node& node);     // ConvInteger, MatMulInteger
Status lower_qlinear(Lowering& lowering, const Node& node);           // as Dequantize, operator, Quantize

}  // namespace narrow::onnx
