// ONNX export, and the operators that can be read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "narrow/float_model.h"
#include "narrow/model.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// The bytes of an ONNX file that computes the model (opset 14, or 17 with a layer normalization, 18 with a Mish and 20
// with a Gelu; NCHW, any batch). Integer layers are written as QDQ: weights as int8 with one scale per channel, biases
// as int32, activations between QuantizeLinear and DequantizeLinear, ranges narrower than 8 bits as Clip. An engine
// that computes QDQ exactly computes the same integers. Narrow reads the file back to the same network. Error: kLimit
// for a network whose file would exceed the format's 2 GiB.
[[nodiscard]] Result<std::vector<std::byte>> to_onnx(const Model& model);
// The same in float. A pre-quantized network keeps its quantization.
[[nodiscard]] Result<std::vector<std::byte>> to_onnx(const FloatModel& model);

// An ONNX operator that can be read.
struct OnnxOperator {
  std::string name;    // "Conv", "com.microsoft.QLinearAdd"
  std::string how;     // "integer", "table", "float", "folded", "moves data", ...
  std::string limits;  // what is not supported; may be empty
};
[[nodiscard]] std::vector<OnnxOperator> onnx_operators();

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
