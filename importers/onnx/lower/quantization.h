// Scales, zero points and integer ranges between the file's convention and ours.
//
// A file's int8 tensor q with zero point z becomes a uint8 value q + 128 with zero point z + 128: the same real
// numbers.
#pragma once

#include <cstdint>

#include "importers/onnx/lower/lowering.h"
#include "narrow/types.h"

namespace narrow::onnx {

// Added to the file's integers: 128 for int8, 0 for uint8.
[[nodiscard]] std::int32_t shift_of(ElementType integers);

struct Parameters {
  Quantization quantization;                   // ours; the whole range of uint8
  ElementType integers = ElementType::kUint8;  // the file's
};

// One scale and, if given, one zero point: inputs `scale` and `scale + 1` of a node.
// Errors: parameters per channel, element types other than int8 and uint8, a scale that is no positive number.
[[nodiscard]] Result<Parameters> parameters_of(const Lowering& lowering, const Node& node, std::size_t scale);

// Quantize.
[[nodiscard]] Result<Flow> quantized(Lowering& lowering, const Node& node, const View& real,
                                     const Parameters& parameters);

// Integers that are clamped to a range, which becomes that of the value. Error: the zero point is not in it.
[[nodiscard]] Result<Flow> with_range(Lowering& lowering, const Node& node, const Flow& flow, const QRange& range);

// Dequantize of integers; real numbers are left as they are.
[[nodiscard]] Result<View> dequantized(Lowering& lowering, const Node& node, const Flow& flow);

// What a computed tensor of integers stands for; `parameters` must be those that made it.
[[nodiscard]] Result<View> real_numbers(Lowering& lowering, const Node& node, const Flow& flow,
                                        const Parameters& parameters);

}  // namespace narrow::onnx
