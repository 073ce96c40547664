// The steps of an executor, planned before memory is allocated and kernels are chosen.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "floating/buffers.h"
#include "floating/simulation.h"
#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::graph {

// Nodes [first, last) of a graph, by index.
struct NodeRange {
  std::size_t first = 0;
  std::size_t last = std::numeric_limits<std::size_t>::max();  // or the number of nodes, if that is smaller
};

enum class StepKind {
  kShare,     // the output uses the memory of the input; nothing is computed
  kFloat,     // computes the node on real numbers
  kIntegers,  // computes the node on the levels of the real numbers
  kRound,     // rounds real numbers to the closest levels of `value`
};

struct ProgramStep {
  StepKind kind = StepKind::kFloat;
  std::size_t node = 0;      // index of the node; not for kRound
  ValueId value = kNoValue;  // the value that is written
  bool finishes = true;      // no kRound of the same value follows
  std::vector<int> inputs;   // indices of tensors
  int output = -1;           // index of a tensor
};

// Tensors are numbered. A value that is rounded after its node wrote it may have two: as written, for readers in float,
// and rounded, for all others. If there is only one, it serves both.
struct Program {
  std::vector<ValueId> inputs;   // values that are fed: the steps read them and do not write them; ascending
  std::vector<ValueId> outputs;  // values that nodes after the range read, and the graph's output; ascending
  std::vector<ProgramStep> steps;
  ValueMap<int> written;  // the tensor of the value as its node wrote it; -1 if no step uses the value
  ValueMap<int> rounded;
  BufferPlan buffers;  // by tensor
};

// The graph with the simulation added: quantizations of its values, and integer weights next to the float ones, except
// in layers that stay in float. The result is no valid graph if float nodes write quantized values. Errors: a
// quantization that is not valid; integer weights that do not fit (kMalformed or kInvalidArgument, names the node).
[[nodiscard]] Result<Graph> lay_over(const Graph& graph, const Simulation& simulation);

// laid: the result of lay_over(). Of `simulation` only in_float is read. keep: values whose tensors are never
// overwritten; outputs are not either. Only values that `keep` and the outputs depend on are computed. Errors:
// kInvalidArgument for a range that is not valid, or a value of `keep` that is neither computed nor fed.
[[nodiscard]] Result<Program> plan_program(const Graph& laid, const Simulation& simulation, const NodeRange& range,
                                           const std::vector<ValueId>& keep);

}  // namespace narrow::graph
