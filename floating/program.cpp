#include "floating/program.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/try.h"
#include "floating/integer_node.h"
#include "graph/liveness.h"
#include "graph/validate_parts.h"

namespace narrow::graph {
namespace {

bool is_set(const std::vector<bool>& flags, std::size_t i) { return i < flags.size() && flags[i]; }

// Dequantize changes no real number, so it shares memory too.
bool shares_memory(const Op& op) { return moves_no_byte(op) || std::holds_alternative<Dequantize>(op); }

bool is_integer_layer(const Node& node) {
  const Filter* filter = filter_of(node);
  return filter != nullptr && filter->quantized.has_value();
}

Error no_value(const char* list, ValueId id) {
  return Error{ErrorCode::kInvalidArgument, "there is no value " + std::to_string(id), list};
}

class Planner {
 public:
  Planner(const Graph& graph, const Simulation& simulation)
      : graph_(graph), simulation_(simulation), live_(find_live(graph)), producer_(producers(graph)) {}

  Result<Program> run(const NodeRange& range, const std::vector<ValueId>& keep) {
    first_ = range.first;
    last_ = std::min(range.last, graph_.nodes.size());
    if (first_ > last_) {
      return Error{ErrorCode::kInvalidArgument,
                   "nodes [" + std::to_string(first_) + ", " + std::to_string(last_) + ") are no range", "nodes"};
    }
    program_.written = ValueMap<int>(graph_.values.size(), -1);
    program_.rounded = ValueMap<int>(graph_.values.size(), -1);
    NARROW_TRY(find_needed(keep));
    find_readers();
    for (const ValueId id : program_.inputs) add_input(id);
    for (const ValueId id : program_.inputs) {
      if (quantization(id)) round(id);
    }
    for (std::size_t n = first_; n < last_; ++n) {
      if (node_needed_[n]) add_node(n);
    }
    for (const ValueId id : program_.outputs) keep_forever(id);
    for (const ValueId id : keep) keep_forever(id);
    assign_buffers();
    return std::move(program_);
  }

 private:
  struct Tensor {
    std::size_t floats = 0;
    int root = 0;  // the tensor that owns the memory, mostly itself
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  [[nodiscard]] const std::optional<Quantization>& quantization(ValueId id) const {
    return graph_.value(id).quantization;
  }
  // Whether the node reads values as their nodes wrote them, before any rounding.
  [[nodiscard]] bool reads_as_written(std::size_t n) const {
    return is_set(simulation_.in_float, n) || std::holds_alternative<Quantize>(graph_.nodes[n].op);
  }

  // Finds the values and nodes of the range that are computed, and the values that enter and leave the range.
  Status find_needed(const std::vector<ValueId>& keep) {
    value_needed_ = ValueMap<bool>(graph_.values.size(), false);
    node_needed_.assign(graph_.nodes.size(), false);
    for (const ValueId id : keep) {
      if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size()) return no_value("keep", id);
      value_needed_[id] = true;
    }
    ValueMap<bool> is_output(graph_.values.size(), false);
    is_output[graph_.output] = true;
    for (std::size_t n = last_; n < graph_.nodes.size(); ++n) {
      if (!live_.nodes[n]) continue;
      for (const ValueId id : graph_.nodes[n].inputs) is_output[id] = true;
    }
    ValueMap<bool> is_read(graph_.values.size(), false);
    for (std::size_t n = last_; n-- > first_;) {
      const Node& node = graph_.nodes[n];
      const ValueId out = node.output;
      node_needed_[n] = value_needed_[out] || is_output[out];
      if (!node_needed_[n]) continue;
      if (is_output[out]) program_.outputs.push_back(node.output);
      is_read[out] = false;
      for (const ValueId id : node.inputs) value_needed_[id] = is_read[id] = true;
    }
    if (graph_.input == graph_.output && first_ == 0) {
      is_read[graph_.input] = true;
      program_.outputs.push_back(graph_.output);
    }
    for (ValueId id = 0; id < static_cast<ValueId>(is_read.size()); ++id) {
      if (is_read[id]) program_.inputs.push_back(id);
    }
    std::sort(program_.outputs.begin(), program_.outputs.end());
    return check_kept(keep);
  }

  Status check_kept(const std::vector<ValueId>& keep) const {
    for (const ValueId id : keep) {
      const bool is_input = std::binary_search(program_.inputs.begin(), program_.inputs.end(), id);
      const bool is_computed = std::any_of(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(first_),
                                           graph_.nodes.begin() + static_cast<std::ptrdiff_t>(last_),
                                           [id](const Node& node) { return node.output == id; });
      if (is_input || is_computed) continue;
      return Error{
          ErrorCode::kInvalidArgument,
          "is neither computed nor read by nodes [" + std::to_string(first_) + ", " + std::to_string(last_) + ")",
          graph_.value(id).name};
    }
    return {};
  }

  // Readers outside the range count too, so that parts of a network compute the values of the whole.
  void find_readers() {
    read_as_written_ = ValueMap<bool>(graph_.values.size(), false);
    read_as_written_[graph_.output] = true;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if ((!live_.nodes[n] && !node_needed_[n]) || !reads_as_written(n)) continue;
      for (const ValueId id : graph_.nodes[n].inputs) read_as_written_[id] = true;
    }
  }

  // Adds a tensor that the next step writes.
  int add_tensor(ValueId id) {
    const int tensor = static_cast<int>(tensors_.size());
    const std::size_t step = program_.steps.size() + 1;
    tensors_.push_back({static_cast<std::size_t>(graph_.value(id).shape.elems()), tensor, step, step});
    return tensor;
  }
  int add_shared(ValueId id, int with) {
    const int tensor = add_tensor(id);
    tensors_[index(tensor)].root = tensors_[index(with)].root;
    return tensor;
  }
  [[nodiscard]] bool is_shared(int tensor) const { return tensors_[index(tensor)].root != tensor; }

  void add_step(ProgramStep step) {
    program_.steps.push_back(std::move(step));
    for (const int tensor : program_.steps.back().inputs) {
      tensors_[index(tensors_[index(tensor)].root)].end = program_.steps.size();
    }
  }

  void add_input(ValueId id) {
    const int tensor = add_tensor(id);
    program_.written[id] = program_.rounded[id] = tensor;
  }

  void round(ValueId id) {
    const int from = program_.written[id];
    const bool in_place = !read_as_written_[id] && !is_shared(from);
    const int to = in_place ? add_shared(id, from) : add_tensor(id);
    program_.rounded[id] = to;
    add_step({StepKind::kRound, 0, id, true, {from}, to});
  }

  void add_node(std::size_t n) {
    const Node& node = graph_.nodes[n];
    ProgramStep step;
    step.node = n;
    step.value = node.output;
    for (const ValueId id : node.inputs) {
      const ValueMap<int>& tensors = reads_as_written(n) ? program_.written : program_.rounded;
      step.inputs.push_back(tensors[id]);
    }
    if (std::holds_alternative<Quantize>(node.op)) {
      step.kind = StepKind::kRound;
    } else if (shares_memory(node.op)) {
      step.kind = StepKind::kShare;
    } else if (computes_in_integers(n)) {
      step.kind = StepKind::kIntegers;
    }
    step.output = step.kind == StepKind::kShare ? add_shared(node.output, step.inputs[0]) : add_tensor(node.output);
    program_.written[node.output] = program_.rounded[node.output] = step.output;
    step.finishes = !quantization(node.output) || writes_levels(n, step.kind);
    const bool finishes = step.finishes;
    add_step(std::move(step));
    if (!finishes) round(node.output);
  }

  [[nodiscard]] bool computes_in_integers(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    if (is_integer_layer(node) || is_sum(node)) return true;
    if (is_set(simulation_.in_float, n) || !IntegerNode::has_formula(node.op) || !quantization(node.output)) {
      return false;
    }
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [this](ValueId id) { return quantization(id).has_value(); });
  }

  // Whether the node adds the results of an integer layer, which are not rounded, to levels.
  [[nodiscard]] bool is_sum(const Node& node) const {
    const std::optional<std::size_t> summed = summed_input(graph_, node);
    if (!summed || !quantization(node.inputs[1 - *summed])) return false;
    const auto has_shape = [&](ValueId id) { return graph_.value(id).shape == graph_.value(node.output).shape; };
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), has_shape)) return false;
    const int writer = producer_[node.inputs[*summed]];
    return writer >= 0 && is_integer_layer(graph_.nodes[index(writer)]);
  }

  // Whether the node writes levels of its output's quantization.
  [[nodiscard]] bool writes_levels(std::size_t n, StepKind kind) const {
    const Node& node = graph_.nodes[n];
    if (kind == StepKind::kRound || kind == StepKind::kIntegers) return true;
    const bool moves = is_lossless(node.op) || std::holds_alternative<Dequantize>(node.op);
    const bool moves_levels = moves && !reads_as_written(n);
    return moves_levels && quantization(node.inputs[0]) == quantization(node.output);
  }

  void keep_forever(ValueId id) {
    for (const int tensor : {program_.written[id], program_.rounded[id]}) {
      tensors_[index(tensors_[index(tensor)].root)].end = Lifetime::kForever;
    }
  }

  void assign_buffers() {
    std::vector<Lifetime> lifetimes;
    std::vector<int> lifetime(tensors_.size());  // by tensor
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      if (tensors_[t].root == static_cast<int>(t)) {
        lifetime[t] = static_cast<int>(lifetimes.size());
        lifetimes.push_back({tensors_[t].floats, tensors_[t].begin, tensors_[t].end});
      } else {
        lifetime[t] = lifetime[index(tensors_[t].root)];
      }
    }
    BufferPlan plan = plan_buffers(lifetimes);
    program_.buffers.slot_floats = std::move(plan.slot_floats);
    for (const int l : lifetime) program_.buffers.slot.push_back(plan.slot[index(l)]);
  }

  const Graph& graph_;
  const Simulation& simulation_;
  Liveness live_;
  ValueMap<int> producer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  ValueMap<bool> value_needed_;
  std::vector<bool> node_needed_;  // by node index
  ValueMap<bool> read_as_written_;
  std::vector<Tensor> tensors_;
  Program program_;
};

}  // namespace

Result<Graph> lay_over(const Graph& graph, const Simulation& simulation) {
  Graph laid = graph;
  for (ValueId id = 0; id < static_cast<ValueId>(simulation.values.size()); ++id) {
    if (!simulation.values[id]) continue;
    if (static_cast<std::size_t>(id) >= laid.values.size()) return no_value("simulation", id);
    laid.value(id).quantization = simulation.values[id];
    NARROW_TRY(check_quantization(laid.value(id)));
  }
  for (std::size_t n = 0; n < simulation.filters.size(); ++n) {
    if (!simulation.filters[n] || is_set(simulation.in_float, n)) continue;
    Filter* filter = n < laid.nodes.size() ? filter_of(laid.nodes[n]) : nullptr;
    if (filter == nullptr) {
      return Error{ErrorCode::kInvalidArgument, "node " + std::to_string(n) + " has no weights", "simulation"};
    }
    Node& node = laid.nodes[n];
    filter->quantized = simulation.filters[n];
    NARROW_TRY(check_types(laid, node));
  }
  return laid;
}

Result<Program> plan_program(const Graph& laid, const Simulation& simulation, const NodeRange& range,
                             const std::vector<ValueId>& keep) {
  return Planner(laid, simulation).run(range, keep);
}

}  // namespace narrow::graph
