// Makes the step of a node. The graph must be valid and must outlive the step.
#pragma once

#include <memory>
#include <vector>

#include "base/text.h"
#include "engine/plan/packed_layers.h"
#include "engine/plan/step.h"
#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::engine {

// Functions that make steps are cold: they run once, and small code in them makes products smaller. The files of steps
// are optimised for speed where they hold loops over elements.
struct NodePlace {
  const graph::Graph& graph;
  const graph::Node& node;
  Isa isa;
  std::vector<Location> inputs;
  Location output;
  const PackedLayer* layer = nullptr;  // of a node with weights; it must outlive the step

  [[nodiscard]] const graph::Value& input(std::size_t index = 0) const { return graph.value(node.inputs[index]); }
  [[nodiscard]] const graph::Value& result() const { return graph.value(node.output); }
};
using StepResult = Result<std::unique_ptr<Step>>;
using ElementwiseResult = Result<std::unique_ptr<ElementwiseStep>>;

// Chooses the kernel of a node; packed layers have theirs. Errors, with the node's name: kUnsupported (BatchNorm),
// kLimit (memory).
[[nodiscard, gnu::cold]] StepResult make_step(const NodePlace& place);
// The same for a node whose operator has kElementwise and whose output is uint8.
[[nodiscard, gnu::cold]] ElementwiseResult make_elementwise_step(const NodePlace& place);

// The step of one operator. make_step() does not compile where an operator has none.
// A file of steps/ serves a family of operators. convolution_step.cpp: Convolution and Linear of any type.
[[nodiscard, gnu::cold]] StepResult make_convolution_step(const NodePlace& place);
// A convolution and the sum that reads its float32 results (graph::summed_input), as one step.
[[nodiscard, gnu::cold]] StepResult make_residual_sum_step(const NodePlace& convolution, const NodePlace& sum);
// elementwise_step.cpp
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Quantize& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Dequantize& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Activation& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Function& op);
// binary_step.cpp
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Add& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Subtract& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Multiply& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Maximum& op);
[[nodiscard, gnu::cold]] ElementwiseResult integer_step_of(const NodePlace& place, const graph::Minimum& op);
// float_elementwise_step.cpp
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Activation& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Function& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Add& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Subtract& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Multiply& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Maximum& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Minimum& op);
// pool_step.cpp
[[nodiscard, gnu::cold]] StepResult integer_step_of(const NodePlace& place, const graph::MaxPool& op);
[[nodiscard, gnu::cold]] StepResult integer_step_of(const NodePlace& place, const graph::AveragePool& op);
[[nodiscard, gnu::cold]] StepResult integer_step_of(const NodePlace& place, const graph::GlobalAveragePool& op);
// float_pool_step.cpp
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::MaxPool& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::AveragePool& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::GlobalAveragePool& op);
// normalization_step.cpp
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Softmax& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::LogSoftmax& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::Lrn& op);
[[nodiscard, gnu::cold]] StepResult float_step_of(const NodePlace& place, const graph::LayerNorm& op);
// concat_step.cpp, data_movement_step.cpp
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Concat& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::PadChannels& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Pad& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Slice& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Transpose& op);
[[nodiscard, gnu::cold]] StepResult step_of(const NodePlace& place, const graph::Gather& op);

// A fused chain: makes one step of steps that work on the same rows. All but the last write to InChain, and the
// next one reads there. first: a convolution. shape: that of the uint8 output of each step. Error: kLimit.
[[nodiscard, gnu::cold]] StepResult make_chain_step(std::unique_ptr<Step> first,
                                                    std::vector<std::unique_ptr<ElementwiseStep>> followers,
                                                    const TensorShape& shape);
// Makes one step of convolutions, each perhaps with a fused chain, that works in row tiles. Step i writes some rows to
// BetweenStages{i}, and step i + 1 reads there. The last step writes to the location of its output. shapes: those of
// the uint8 tensors in between. Error: kLimit.
[[nodiscard, gnu::cold]] StepResult make_row_tile_step(std::vector<std::unique_ptr<Step>> steps,
                                                       const std::vector<TensorShape>& shapes);
// Copies `count` float32 elements. It serves a network whose output is its unchanged input.
[[nodiscard, gnu::cold]] std::unique_ptr<Step> make_copy_step(std::int64_t count, Location input, Location output);

[[nodiscard, gnu::cold]] Error step_error(const graph::Node& node, ErrorCode code, base::Pieces message);

}  // namespace narrow::engine
