#include "importers/onnx/lower/quantization.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"

namespace narrow::onnx {
namespace {

std::string parameters_text(const Quantization& q, ElementType integers) {
  return std::string(element_type_name(integers)) + " with scale " + base::number_text(q.scale) + " and zero point " +
         std::to_string(q.zero_point - shift_of(integers));
}

}  // namespace

std::int32_t shift_of(ElementType integers) { return integers == ElementType::kInt8 ? 128 : 0; }

Result<Parameters> parameters_of(const Lowering& lowering, const Node& node, std::size_t scale) {
  NARROW_ASSIGN(const std::vector<float> scales, lowering.names.floats(node, scale));
  if (scales.size() != 1) {
    return unsupported(node, "a computed tensor with " + std::to_string(scales.size()) +
                                 " scales; only one scale per tensor is supported, except for weights");
  }
  const bool usable = scales[0] >= std::numeric_limits<float>::min() && scales[0] <= graph::kMaxScale;
  if (!usable) {
    return malformed(
        node, "the scale " + base::number_text(scales[0]) + " must be a normal float above 0 and not " + "above 2^96");
  }
  Parameters result;
  result.quantization.scale = scales[0];
  if (!Names::has_input(node, scale + 1)) return result;
  NARROW_ASSIGN(const Constant zero, lowering.names.constant(node, scale + 1));
  result.integers = zero.tensor->type;
  if (result.integers != ElementType::kUint8 && result.integers != ElementType::kInt8) {
    return unsupported(
        node, "integers of type " + std::string(element_type_name(result.integers)) + "; supported are int8 and uint8");
  }
  NARROW_ASSIGN(const std::vector<std::int64_t> zeros, lowering.names.ints(node, scale + 1));
  if (zeros.size() != 1) return unsupported(node, "a computed tensor with several zero points");
  result.quantization.zero_point = static_cast<std::int32_t>(zeros[0]) + shift_of(result.integers);
  return result;
}

Result<Flow> quantized(Lowering& lowering, const Node& node, const View& real, const Parameters& parameters) {
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, graph::Quantize{}, {real.value}));
  lowering.graph.set_quantization(id, parameters.quantization);
  return Flow{real.of(id), parameters.integers};
}

Result<Flow> with_range(Lowering& lowering, const Node& node, const Flow& flow, const QRange& range) {
  Quantization q = lowering.graph.quantization(flow.view.value);
  if (range.contains(q.range)) return flow;
  q.range = {std::max(q.range.lo, range.lo), std::min(q.range.hi, range.hi)};
  if (q.range.lo >= q.range.hi || !q.range.contains(q.zero_point)) {
    return unsupported(node, "clips integers to a range without their zero point");
  }
  // The Quantize before it clamps with the new range. If its value has other readers, that value stays as it is.
  const graph::Node* producer = lowering.graph.producer(flow.view.value);
  View real = flow.view;
  if (producer != nullptr && graph::is<graph::Quantize>(producer->op)) {
    real = flow.view.of(producer->inputs[0]);
  } else {
    NARROW_ASSIGN(real, dequantized(lowering, node, flow));
  }
  return quantized(lowering, node, real, {q, *flow.integers});
}

Result<View> dequantized(Lowering& lowering, const Node& node, const Flow& flow) {
  if (!flow.integers) return flow.view;
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.dequantize(node, flow.view.value));
  return flow.view.of(id);
}

Result<View> real_numbers(Lowering& lowering, const Node& node, const Flow& flow, const Parameters& parameters) {
  if (!flow.integers) return unsupported(node, "dequantizes real numbers");
  const Quantization& made = lowering.graph.quantization(flow.view.value);
  const Quantization& read = parameters.quantization;
  if (made.scale != read.scale || made.zero_point != read.zero_point || *flow.integers != parameters.integers) {
    return unsupported(node, "reads integers as " + parameters_text(read, parameters.integers) +
                                 ", which were made as " + parameters_text(made, *flow.integers));
  }
  return dequantized(lowering, node, flow);
}

}  // namespace narrow::onnx
