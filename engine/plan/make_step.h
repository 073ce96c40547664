// Makes the step of a node. The graph must be valid and must outlive the step.
#pragma once

#include <memory>
#include <vector>

#include "engine/model/weight_pages.h"
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
  const WeightPages* pages = nullptr;  // of the packed weights; nullptr: nothing can be released

  [[nodiscard]] const graph::Value& input(std::size_t index = 0) const { return graph.value(node.inputs[index]); }
  [[nodiscard]] const graph::Value& result() const { return graph.value(node.output); }
};
using StepResult = Result<std::unique_ptr<Step>>;

// Chooses the kernel and packs the weights of a node. Errors, with the node's name: kUnsupported (BatchNorm, arithmetic
// that is not exact), kLimit (memory).
[[nodiscard]] StepResult make_step(const NodePlace& place);

// One function per kind of step, each in a file of its own.
[[nodiscard]] StepResult make_convolution_step(const NodePlace& place);  // Convolution and Linear, any type
[[nodiscard]] StepResult make_pool_step(const NodePlace& place);         // uint8
[[nodiscard]] StepResult make_float_pool_step(const NodePlace& place);   // float32
// Quantize, Dequantize; the others on uint8.
[[nodiscard]] StepResult make_elementwise_step(const NodePlace& place);
[[nodiscard]] StepResult make_float_elementwise_step(const NodePlace& place);  // float32, one or two inputs
[[nodiscard]] StepResult make_binary_step(const NodePlace& place);             // Add, Subtract, Multiply on uint8
[[nodiscard]] StepResult make_concat_step(const NodePlace& place);             // any type
[[nodiscard]] StepResult make_data_movement_step(const NodePlace& place);      // operators that copy elements, any type
[[nodiscard]] StepResult make_normalization_step(const NodePlace& place);      // Softmax, Lrn
// A fused chain: makes one step of steps that work on the same rows. The first is a convolution. All but the last write
// to Location::Place::kRows, and the next one reads there. shape: that of the uint8 output of each step. Error: kLimit.
[[nodiscard]] StepResult make_chain_step(std::vector<std::unique_ptr<Step>> steps, const TensorShape& shape);
// Makes one step of convolutions, each perhaps with a fused chain, that works in row tiles. Step i writes some rows to
// Location::Place::kStrip with offset i, and step i + 1 reads there. The last step writes to the location of its
// output. shapes: those of the uint8 tensors in between. Error: kLimit.
[[nodiscard]] StepResult make_strip_step(std::vector<std::unique_ptr<Step>> steps,
                                         const std::vector<TensorShape>& shapes);
// Copies `count` float32 elements. It serves a network whose output is its unchanged input.
[[nodiscard]] std::unique_ptr<Step> make_copy_step(std::int64_t count, Location input, Location output);

[[nodiscard]] Error step_error(const graph::Node& node, ErrorCode code, const std::string& message);

// Intersects a range with a real clamp. The bounds of the clamp are quantized like any real number, and saturate.
[[nodiscard]] QRange clamped_range(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::engine
