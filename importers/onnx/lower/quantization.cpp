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

// scale * (integer - zero point), in double and rounded once.
Tensor real_numbers_of(const QuantizedConstant& constant) {
  const std::vector<std::int64_t>& dims = constant.integers->dims;
  std::size_t inner = 1;  // distance between indices along the axis, in elements
  for (std::size_t i = static_cast<std::size_t>(constant.axis) + 1; i < dims.size(); ++i) {
    inner *= static_cast<std::size_t>(dims[i]);
  }
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(constant.integers->elems()));
  std::visit(
      [&](const auto& integers) {
        for (std::size_t i = 0; i < integers.size(); ++i) {
          const std::size_t channel = i / inner % constant.scales.size();
          const std::int64_t difference = static_cast<std::int64_t>(integers[i]) - constant.zero_points[channel];
          values.push_back(static_cast<float>(static_cast<double>(difference) * double{constant.scales[channel]}));
        }
      },
      constant.integers->data);
  return {ElementType::kFloat32, dims, std::move(values)};
}

Error reads_dynamic_integers(const Node& node) {
  return unsupported(node, "works on integers of dynamic quantization, whose scales are computed for each image",
                     next_step::kStatic);
}

}  // namespace

Status bind_quantized(Lowering& lowering, const Node& node, QuantizedConstant constant) {
  // Counted before it is made: one constant of a byte per element may be dequantized many times.
  const std::int64_t elems = constant.integers->elems();
  const auto scales = static_cast<std::int64_t>(constant.scales.size());
  const std::int64_t bytes = elems * held_bytes(ElementType::kFloat32) +
                             scales * (held_bytes(ElementType::kFloat32) + held_bytes(ElementType::kInt64));
  Status spent = lowering.budget.spend_time(2 * elems + scales);
  if (spent.ok()) spent = lowering.budget.check_space(bytes);
  if (!spent.ok()) return node_error(node, spent.error().code, spent.error().message);
  lowering.budget.keep(bytes);
  const Tensor* real = lowering.names.keep(real_numbers_of(constant));
  lowering.names.bind(node, Constant{real, lowering.names.keep(std::move(constant))});
  return {};
}

Parameters dynamic_parameters() {
  Parameters parameters;
  parameters.quantization.scale = 1.0F;
  parameters.quantization.zero_point = 0;
  return parameters;
}

std::int32_t shift_of(ElementType integers) { return integers == ElementType::kInt8 ? 128 : 0; }

Result<Parameters> parameters_of(const Lowering& lowering, const Node& node, std::size_t scale) {
  NARROW_ASSIGN(const std::vector<float> scales, lowering.names.floats(node, scale));
  if (scales.size() != 1) {
    return unsupported(node,
                       "a computed tensor with " + std::to_string(scales.size()) +
                           " scales; only one scale per tensor is supported, except for weights",
                       "quantize activations by tensor, not by channel");
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
  if (result.integers == ElementType::kUint4) {
    result.integers = ElementType::kUint8;
    result.quantization.range = {0, 15};
  } else if (result.integers == ElementType::kInt4) {
    result.integers = ElementType::kInt8;
    result.quantization.range = {120, 135};
  }
  if (result.integers != ElementType::kUint8 && result.integers != ElementType::kInt8) {
    return unsupported(
        node,
        "integers of type " + std::string(element_type_name(result.integers)) + "; supported are those of 4 and 8 bits",
        "quantize the activations to 8 bits, or export the network in float");
  }
  NARROW_ASSIGN(const std::vector<std::int64_t> zeros, lowering.names.ints(node, scale + 1));
  if (zeros.size() != 1) return unsupported(node, "a computed tensor with several zero points", next_step::kFloat);
  result.quantization.zero_point = static_cast<std::int32_t>(zeros[0]) + shift_of(result.integers);
  return result;
}

Result<Flow> quantized(Lowering& lowering, const Node& node, const View& real, const Parameters& parameters) {
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.append(node, graph::Quantize{}, {real.value}));
  lowering.graph.set_quantization(id, parameters.quantization);
  return Flow{real.of(id), parameters.integers};
}

Result<Flow> with_range(Lowering& lowering, const Node& node, const Flow& flow, const QRange& range) {
  if (flow.integers == kDynamicIntegers) return reads_dynamic_integers(node);
  Quantization q = lowering.graph.quantization(flow.view.value);
  if (range.contains(q.range)) return flow;
  q.range = {std::max(q.range.lo, range.lo), std::min(q.range.hi, range.hi)};
  if (q.range.lo >= q.range.hi || !q.range.contains(q.zero_point)) {
    return unsupported(node, "clips integers to a range without their zero point", next_step::kFloat);
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
  if (flow.integers == kDynamicIntegers) return reads_dynamic_integers(node);
  NARROW_ASSIGN(const graph::ValueId id, lowering.graph.dequantize(node, flow.view.value));
  return flow.view.of(id);
}

Result<View> real_numbers(Lowering& lowering, const Node& node, const Flow& flow, const Parameters& parameters) {
  if (!flow.integers) return unsupported(node, "dequantizes real numbers", next_step::kFloat);
  if (flow.integers == kDynamicIntegers) return reads_dynamic_integers(node);
  const Quantization& made = lowering.graph.quantization(flow.view.value);
  const Quantization& read = parameters.quantization;
  if (made.scale != read.scale || made.zero_point != read.zero_point || *flow.integers != parameters.integers) {
    return unsupported(node,
                       "reads integers as " + parameters_text(read, parameters.integers) + ", which were made as " +
                           parameters_text(made, *flow.integers),
                       next_step::kFloat);
  }
  return dequantized(lowering, node, flow);
}

}  // namespace narrow::onnx
