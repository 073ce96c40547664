// Conversions of scales, zero points and integer ranges from the file to the graph.
//
// A file's int8 tensor q with zero point z becomes a uint8 value q + 128 with zero point z + 128. The real numbers are
// the same.
#pragma once

#include <cstdint>

#include "importers/onnx/lower/lowering.h"
#include "narrow/types.h"

namespace narrow::onnx {

// The number that is added to the file's integers: 128 for int8, 0 for uint8.
[[nodiscard]] std::int32_t shift_of(ElementType integers);

struct Parameters {
  Quantization quantization;                   // in the graph; the whole range of uint8
  ElementType integers = ElementType::kUint8;  // in the file
};

// Reads one scale and, if it exists, one zero point: inputs `scale` and `scale + 1` of a node.
// Errors: parameters per channel, element types other than int8 and uint8, a scale that is not a positive number.
[[nodiscard]] Result<Parameters> parameters_of(const Lowering& lowering, const Node& node, std::size_t scale);

// The type of a Flow of dynamic quantization, whose scale and zero point are computed for each image. Its view is of
// the real numbers, which its integers stand for: activations stay float until they are calibrated.
inline constexpr ElementType kDynamicIntegers = ElementType::kOther;
// What DynamicQuantizeLinear says its scale and zero point are: those of real numbers.
[[nodiscard]] Parameters dynamic_parameters();

// Binds the node's output to integers and their real numbers, and counts their memory before it makes them.
[[nodiscard]] Status bind_quantized(Lowering& lowering, const Node& node, QuantizedConstant constant);

// Appends a Quantize.
[[nodiscard]] Result<Flow> quantized(Lowering& lowering, const Node& node, const View& real,
                                     const Parameters& parameters);

// Limits integers to a range, which becomes that of the value. Error: the zero point is not in it.
[[nodiscard]] Result<Flow> with_range(Lowering& lowering, const Node& node, const Flow& flow, const QRange& range);

// Appends a Dequantize of integers. Real numbers are returned as they are.
[[nodiscard]] Result<View> dequantized(Lowering& lowering, const Node& node, const Flow& flow);

// The real numbers of a computed tensor of integers. `parameters` must be those that it was quantized with.
[[nodiscard]] Result<View> real_numbers(Lowering& lowering, const Node& node, const Flow& flow,
                                        const Parameters& parameters);

}  // namespace narrow::onnx
