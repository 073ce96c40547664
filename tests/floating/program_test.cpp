// Which steps an executor takes, and which of its tensors share memory.
#include "floating/program.h"

#include <doctest/doctest.h>

#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "floating/integer_node.h"
#include "graph/operators.h"
#include "tests/support/data.h"
#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;
using testing::window;

Program program_of(const Graph& graph, const Simulation& simulation = {}, const std::vector<ValueId>& keep = {}) {
  return plan_program(lay_over(graph, simulation).value(), simulation, {}, keep).value();
}

int slot(const Program& program, int tensor) { return program.buffers.slot[index(tensor)]; }

}  // namespace

TEST_CASE("tensors share memory one after the other, but never within a step") {
  GraphBuilder b(testing::seed(), {8, 8, 4});
  ValueId x = b.input();
  for (int i = 0; i < 10; ++i) x = b.convolution("conv" + std::to_string(i), x, 4, window(3, 1, 1));
  const Graph graph = b.finish(x);
  const Program program = program_of(graph);
  CHECK(program.buffers.slot_floats.size() == 2);
  for (const ProgramStep& step : program.steps) CHECK(slot(program, step.output) != slot(program, step.inputs[0]));
  // Kept values take no part in it.
  const Program keeping = program_of(graph, {}, {3, 5});
  CHECK(keeping.buffers.slot_floats.size() == 4);
  for (const ProgramStep& step : keeping.steps) {
    for (const ValueId kept : {3, 5}) {  // values are numbered in the order of execution
      if (step.value > kept) CHECK(slot(keeping, step.output) != slot(keeping, keeping.written[kept]));
    }
  }
}

TEST_CASE("a dequantized value lives in the memory of the quantized one") {
  GraphBuilder b(testing::seed(), {8, 8, 4});
  const ValueId q = b.quantize("q", b.convolution("c", b.input(), 4), {0.0625F, 100, {0, 255}});
  const ValueId d = b.node("d", Dequantize{}, {q});
  const Graph graph = b.finish(b.node("sum", Add{}, {d, b.node("d2", Dequantize{}, {q})}));
  const Program program = program_of(graph);
  CHECK(slot(program, program.written[q]) == slot(program, program.written[d]));
  CHECK(slot(program, program.written[q]) != slot(program, program.written[graph.output]));
}

TEST_CASE("a value is rounded in place, unless a reader in float needs what was written") {
  GraphBuilder b(testing::seed(), {8, 8, 4});
  const ValueId x = b.convolution("x", b.input(), 4);
  const ValueId flat = b.node("flat", Reshape{{1, 1, 256}}, {x});
  const Graph graph = b.finish(b.linear("fc", flat, 3));
  Simulation simulation;
  simulation.values = ValueMap<std::optional<Quantization>>(graph.values.size());
  simulation.values[x] = simulation.values[graph.input] = Quantization{0.1F, 128, {0, 255}};
  const Program rounded = program_of(graph, simulation);
  for (const ValueId id : {graph.input, x}) {
    CHECK(rounded.written[id] != rounded.rounded[id]);
    CHECK(slot(rounded, rounded.written[id]) == slot(rounded, rounded.rounded[id]));
  }
  CHECK(slot(rounded, rounded.written[flat]) == slot(rounded, rounded.written[x]));

  simulation.in_float = {false, true};
  const Program both = program_of(graph, simulation);
  CHECK(slot(both, both.written[x]) != slot(both, both.rounded[x]));
  CHECK(slot(both, both.written[flat]) == slot(both, both.written[x]));

  // What shares the memory of another value can't be rounded in it.
  simulation.in_float.clear();
  simulation.values[flat] = Quantization{0.2F, 128, {0, 255}};
  const Program shared = program_of(graph, simulation);
  CHECK(slot(shared, shared.rounded[flat]) != slot(shared, shared.rounded[x]));
}

TEST_CASE("every operator that integers are computed with has its formula in the executor") {
  const auto all_ops = []<std::size_t... kIndex>(std::index_sequence<kIndex...> /*alternatives*/) {
    return std::vector<Op>{Op(std::in_place_index<kIndex>)...};
  }
  (std::make_index_sequence<std::variant_size_v<Op>>());
  for (const Op& op : all_ops) {
    CAPTURE(op_name(op));
    Node node;
    node.op = op;
    const OperatorRow& row = row_of(op);
    const bool computes =
        !row.is_float_only() && !row.is_lossless() && !row.has(kConverts) && filter_of(node) == nullptr;
    CHECK(IntegerNode::has_formula(op) == computes);
  }
}

TEST_CASE("tensors whose lifetimes overlap never share a slot") {
  std::mt19937 generator(testing::seed());
  const auto pick = [&](std::size_t lo, std::size_t hi) {
    return std::uniform_int_distribution<std::size_t>(lo, hi)(generator);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> tensors;
    std::size_t begin = 0;
    for (std::size_t t = 0; t < 30; ++t) {
      begin += pick(0, 2);
      tensors.push_back({pick(0, 9), begin, pick(0, 9) == 0 ? Lifetime::kForever : begin + pick(0, 5)});
    }
    const BufferPlan plan = plan_buffers(tensors);
    REQUIRE(plan.slot.size() == tensors.size());
    for (std::size_t a = 0; a < tensors.size(); ++a) {
      CHECK(plan.slot_floats[index(plan.slot[a])] >= tensors[a].floats);
      for (std::size_t b = 0; b < a; ++b) {
        if (tensors[b].end >= tensors[a].begin) CHECK(plan.slot[a] != plan.slot[b]);
      }
    }
  }
}

}  // namespace narrow::graph
