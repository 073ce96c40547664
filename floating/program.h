// What an executor does, step by step, before any memory or kernel exists.
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
  std::size_t last = std::numeric_limits<std::size_t>::max();  // or the number of nodes, if that is less
};

enum class StepKind {
  kShare,     // the output is the input's memory: nothing is computed
  kFloat,     // the node, on real numbers
  kIntegers,  // the node, on the levels that the real numbers stand for
  kRound,     // real numbers to the closest levels of `value`
};

struct ProgramStep {
  StepKind kind = StepKind::kFloat;
  std::size_t node = 0;      // by index; not of a kRound
  ValueId value = kNoValue;  // that is written
  bool finishes = true;      // no kRound of the same value follows
  std::vector<int> inputs;   // tensors
  int output = -1;           // tensor
};

// Tensors are numbered. A value that is rounded after its node wrote it may have two: as written, for readers in float,
// and rounded, for the others. If there is one only, it is both.
struct Program {
  std::vector<ValueId> inputs;   // what is fed: values that the steps read and do not write; ascending
  std::vector<ValueId> outputs;  // what nodes behind the range read, or the graph's output; ascending
  std::vector<ProgramStep> steps;
  ValueMap<int> written;  // its tensor; -1 where no step touches the value
  ValueMap<int> rounded;
  BufferPlan buffers;  // by tensor
};

// The graph with the simulation laid over it: quantizations on its values, integer weights beside the float ones,
// except in layers that stay in float. It is no valid graph where float nodes write quantized values. Errors: a
// quantization that is none; integer weights that do not fit (kMalformed or kInvalidArgument, names the node).
[[nodiscard]] Result<Graph> lay_over(const Graph& graph, const Simulation& simulation);

// laid: of lay_over(); of `simulation` only in_float is looked at. `keep`: values whose tensors are never overwritten;
// so are outputs. Only what `keep` and the outputs depend on is computed. Errors: kInvalidArgument, a range that is
// none, a value of `keep` that is neither computed nor fed.
[[nodiscard]] Result<Program> plan_program(const Graph& laid, const Simulation& simulation, const NodeRange& range,
                                           const std::vector<ValueId>& keep);

}  // namespace narrow::graph
