// From a node to its step. The graph is validated and outlives the step.
#pragma once

#include <memory>
#include <vector>

#include "engine/plan/step.h"
#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::engine {

struct NodePlace {
  const graph::Graph& graph;
  const graph::Node& node;
  Isa isa;
  std::vector<Location> inputs;
  Location output;

  [[nodiscard]] const graph::Value& input(std::size_t index = 0) const { return graph.value(node.inputs[index]); }
  [[nodiscard]] const graph::Value& result() const { return graph.value(node.output); }
};
using StepResult = Result<std::unique_ptr<Step>>;

// Chooses kernels and packs weights. Errors, with the node's name: kUnsupported (BatchNorm, arithmetic that is not
// exact), kLimit (memory).
[[nodiscard]] StepResult make_step(const NodePlace& place);

// The families, each in its file.
[[nodiscard]] StepResult make_convolution_step(const NodePlace& place);        // Convolution and Linear, any type
[[nodiscard]] StepResult make_pool_step(const NodePlace& place);               // uint8
[[nodiscard]] StepResult make_float_pool_step(const NodePlace& place);         // float32
[[nodiscard]] StepResult make_elementwise_step(const NodePlace& place);        // Quantize, Dequantize; the rest uint8
[[nodiscard]] StepResult make_float_elementwise_step(const NodePlace& place);  // float32: one or two inputs
[[nodiscard]] StepResult make_binary_step(const NodePlace& place);             // Add, Subtract, Multiply on uint8
[[nodiscard]] StepResult make_concat_step(const NodePlace& place);             // any type
[[nodiscard]] StepResult make_data_movement_step(const NodePlace& place);      // what copies elements, any type
[[nodiscard]] StepResult make_normalization_step(const NodePlace& place);      // Softmax, Lrn
// Steps that work on the same rows, the first of them a convolution, as one step. All but the last write to
// Location::Place::kRows, where the next one reads; `shape` is that of their uint8 output. Error: kLimit.
[[nodiscard]] StepResult make_chain_step(std::vector<std::unique_ptr<Step>> steps, const TensorShape& shape);
// Convolutions, each perhaps with a chain, that hand their uint8 tensors on a few rows at a time: step i writes to
// Location::Place::kStrip with offset i, where step i + 1 reads; the last writes to where its result lives. `shapes`
// are those of the tensors in between. Error: kLimit.
[[nodiscard]] StepResult make_strip_step(std::vector<std::unique_ptr<Step>> steps,
                                         const std::vector<TensorShape>& shapes);
// Copies float32 values, for an output that is the unchanged input.
[[nodiscard]] std::unique_ptr<Step> make_copy_step(std::int64_t count, Location input, Location output);

[[nodiscard]] Error step_error(const graph::Node& node, ErrorCode code, const std::string& message);

// The integers that a real clamp leaves of an output's range: its ends are quantized like any real number, and
// saturate.
[[nodiscard]] QRange clamped_range(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::engine
