#include "quantize/integer_where_pre_quantized.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/try.h"
#include "graph/function.h"
#include "graph/liveness.h"
#include "quantize/build.h"
#include "quantize/on_integers.h"
#include "rewrites/pre_quantized.h"
#include "rewrites/pre_quantized_weights.h"

namespace narrow::graph {
namespace {

// Copies of one layer, one for each quantization of its result, and no more: weights are copied with it.
constexpr std::size_t kMaxCopies = 16;

std::string named(const Node& node) { return "'" + node.name + "' (" + std::string(op_name(node.op)) + ")"; }

// Decides for every node whether its results are computed from integers, by what is pre-quantized alone.
class PreQuantizedPlanner {
 public:
  explicit PreQuantizedPlanner(const Graph& graph)
      : graph_(graph),
        live_(find_live(graph)),
        decisions_(undecided(graph)),
        reads_(graph.nodes.size()),
        why_(graph.nodes.size()),
        as_float_(graph.values.size(), false),
        pre_quantized_(graph.values.size()),
        made_by_(producers(graph)),
        read_by_(consumers(graph)),
        integers_(graph.values.size(), kNoValue) {
    plan_.nodes.resize(graph.nodes.size());
    plan_.needs_decision.assign(graph.values.size(), false);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node& node = graph.nodes[n];
      if (std::holds_alternative<Dequantize>(node.op)) integers_[index(node.output)] = node.inputs[0];
      reads_[n] = inputs_of(node);
    }
  }

  void run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_.nodes[n] && !graph_.value(graph_.nodes[n].output).quantization) decide_weights(n);
    }
    as_float_[index(graph_.output)] = true;
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      if (live_.nodes[n]) visit(n);
    }
    plan_.of_input = in_order(graph_.input);
  }

  [[nodiscard]] Result<BuiltGraph> build() const { return narrow::graph::build(graph_, live_, plan_, decisions_); }

  // Why node n of the graph, or a part of what it computes, runs in float32.
  [[nodiscard]] std::string reason(std::size_t n) const {
    const Node& node = graph_.nodes[n];
    if (!why_[n].empty()) return why_[n];
    if (is_float_only(node.op)) return "it has no integer implementation";
    const Filter* filter = filter_of(node);
    if (filter != nullptr && !filter->pre_quantized) return "the file has no integer weights for it";
    if (reads_[n].empty()) return "the file does not quantize its input";
    return "the file does not quantize its output";
  }

 private:
  // The parameters of the integers that a node's inputs are made of; empty where one of them is not.
  [[nodiscard]] std::vector<Quantization> inputs_of(const Node& node) const {
    std::vector<Quantization> inputs;
    for (const ValueId id : node.inputs) {
      const ValueId integers = integers_[index(id)];
      if (integers == kNoValue) return {};
      inputs.push_back(*graph_.value(integers).quantization);
    }
    return inputs;
  }

  // Integer weights for a pre-quantized layer that reads integers.
  void decide_weights(std::size_t n) {
    const Filter* filter = filter_of(graph_.nodes[n]);
    if (filter == nullptr || !filter->pre_quantized || reads_[n].empty()) return;
    auto quantized = pre_quantized_filter(*filter, reads_[n][0]);
    if (quantized.ok()) {
      decisions_.layers[n] = LayerDecision{.filter = *std::move(quantized), .is_pre_quantized = true};
    } else {
      why_[n] = quantized.error().message;
    }
  }

  // From the output to the input: when a node is reached, the demand on its result is complete.
  void visit(std::size_t n) {
    const Node& node = graph_.nodes[n];
    NodeRepresentations& representations = plan_.nodes[n];
    if (graph_.value(node.output).quantization) {
      if (std::holds_alternative<Quantize>(node.op))
        require(node.inputs[0], {*graph_.value(node.output).quantization, n});
      return;
    }
    const std::vector<PreQuantized> required = in_order(node.output);
    if (std::holds_alternative<Dequantize>(node.op)) {
      representations.in_float = as_float_[index(node.output)];
      representations.integers = required;
      return;
    }
    if (required.size() == 1 && !as_float_[index(node.output)] && sums(n, required.front())) return;
    for (const PreQuantized& pre_quantized : required)
      (computes(n, pre_quantized) ? representations.integers : representations.from_float).push_back(pre_quantized);
    if (!as_float_[index(node.output)] && representations.from_float.empty()) return;
    representations.sums_to_float = decisions_.layers[n] && can(n, node, std::nullopt);
    representations.in_float = !representations.sums_to_float;
    if (!representations.in_float) return;
    for (const ValueId id : node.inputs) as_float_[index(id)] = true;
  }

  // Whether node n is computed on integers to these parameters.
  bool computes(std::size_t n, const PreQuantized& pre_quantized) {
    const Node& node = graph_.nodes[n];
    if (reads_[n].empty() || is_float_only(node.op)) return false;
    if (filter_of(node) != nullptr) {
      if (!decisions_.layers[n]) return false;
      if (plan_.nodes[n].integers.size() == kMaxCopies) {
        why_[n] = "its result is quantized in more than " + std::to_string(kMaxCopies) + " ways";
        return false;
      }
    }
    Node copy = node;
    copy.clamp = clamp_beside(node.clamp, pre_quantized.quantization);
    if (auto* function = std::get_if<Function>(&copy.op)) {
      function->table = make_table(*function, reads_[n][0], pre_quantized.quantization);
    }
    return can(n, std::move(copy), pre_quantized.quantization);
  }

  // Plans an Add of a convolution that the file does not round, and of integers: the sum is rounded once.
  bool sums(std::size_t n, const PreQuantized& pre_quantized) {
    const Node& node = graph_.nodes[n];
    const std::optional<std::size_t> summed = find_summable(graph_, node, made_by_, read_by_);
    if (!summed) return false;
    const ValueId other = integers_[index(node.inputs[1 - *summed])];
    const std::size_t writer = index(made_by_[node.inputs[*summed]]);
    if (other == kNoValue || !decisions_.layers[writer]) return false;
    if (!can(writer, graph_.nodes[writer], std::nullopt)) return false;
    std::vector<std::optional<Quantization>> inputs(2);
    inputs[1 - *summed] = graph_.value(other).quantization;
    Node copy = node;
    copy.clamp = clamp_beside(node.clamp, pre_quantized.quantization);
    if (!check_on_integers(graph_, std::move(copy), inputs, pre_quantized.quantization).ok()) return false;
    plan_.nodes[n].integers.push_back(pre_quantized);
    plan_.nodes[n].summed = summed;
    as_float_[index(node.inputs[*summed])] = true;
    return true;
  }

  // Whether int32 and the multipliers can hold what `copy` of node n computes on integers.
  bool can(std::size_t n, Node copy, const std::optional<Quantization>& output) {
    if (Filter* filter = filter_of(copy)) {
      *filter = Filter{};
      filter->quantized = decisions_.layers[n]->filter;
    }
    const std::vector<std::optional<Quantization>> inputs(reads_[n].begin(), reads_[n].end());
    const Status valid = check_on_integers(graph_, std::move(copy), inputs, output);
    if (!valid.ok()) why_[n] = valid.error().message;
    return valid.ok();
  }

  void require(ValueId id, const PreQuantized& parameters) {
    std::vector<PreQuantized>& pre_quantized = pre_quantized_[index(id)];
    const auto same = std::find_if(pre_quantized.begin(), pre_quantized.end(), [&](const PreQuantized& other) {
      return other.quantization == parameters.quantization;
    });
    if (same == pre_quantized.end()) {
      pre_quantized.push_back(parameters);
    } else {
      same->quantize = parameters.quantize;  // nodes are visited backwards: the first one gives the name
    }
  }

  // The parameters that readers of a value require, in the order of their Quantize nodes.
  [[nodiscard]] std::vector<PreQuantized> in_order(ValueId id) const {
    std::vector<PreQuantized> required = pre_quantized_[index(id)];
    std::sort(required.begin(), required.end(),
              [](const PreQuantized& a, const PreQuantized& b) { return a.quantize < b.quantize; });
    return required;
  }

  const Graph& graph_;
  Liveness live_;
  RepresentationPlan plan_;
  Decisions decisions_;
  std::vector<std::vector<Quantization>> reads_;          // by node index: see inputs_of()
  std::vector<std::string> why_;                          // by node index: what keeps it in float32; may be empty
  std::vector<bool> as_float_;                            // by ValueId: a reader requires float32
  std::vector<std::vector<PreQuantized>> pre_quantized_;  // by ValueId: parameters that readers require
  ValueMap<int> made_by_;
  ValueMap<std::vector<int>> read_by_;
  std::vector<ValueId> integers_;  // by ValueId: what a Dequantize makes it of; none for all others
};

// A model holds float weights without the integers that they are multiples of.
std::string integers_lost(const Node& node) {
  return named(node) +
         " loses the integers of its weights, which are stored as float32; narrow quantize on the "
         "original file keeps them";
}

// What runs how. `source` is the graph before, `planner` its plan.
std::vector<Event> describe(const Graph& built, const Graph& source, const PreQuantizedPlanner& planner) {
  std::unordered_map<std::string, std::size_t> origin;
  for (std::size_t n = 0; n < source.nodes.size(); ++n) origin.emplace(source.nodes[n].name, n);
  std::size_t in_integers = 0;
  std::size_t all = 0;
  std::vector<Event> in_float;
  std::vector<Event> lost;
  for (const Node& node : built.nodes) {
    if (std::holds_alternative<Quantize>(node.op) || std::holds_alternative<Dequantize>(node.op)) continue;
    ++all;
    const Filter* filter = filter_of(node);
    if (built.value(node.output).quantization || (filter != nullptr && filter->quantized)) {
      ++in_integers;
      continue;
    }
    const auto it = origin.find(node.name);
    if (it == origin.end()) continue;  // never: the float32 copy of a node has the node's own name
    in_float.push_back(
        {Event::Kind::kNote, node.name, named(node) + " runs in float32: " + planner.reason(it->second)});
    const Filter* before = filter_of(source.nodes[it->second]);
    if (before != nullptr && before->pre_quantized)
      lost.push_back({Event::Kind::kNote, node.name, integers_lost(node)});
  }
  std::vector<Event> log;
  if (!is_pre_quantized(built)) {
    log.push_back({Event::Kind::kSummary, "",
                   "all " + std::to_string(all) + " nodes run in float32: " +
                       (lost.empty() ? "nothing is pre-quantized" : "no activation is pre-quantized")});
  } else {
    log.push_back(
        {Event::Kind::kSummary, "",
         std::to_string(in_integers) + " of " + std::to_string(all) + " nodes run in integers, as the file specifies"});
    std::move(in_float.begin(), in_float.end(), std::back_inserter(log));
  }
  std::move(lost.begin(), lost.end(), std::back_inserter(log));
  return log;
}

}  // namespace

Result<PartlyIntegerGraph> integer_where_pre_quantized(const Graph& graph) {
  NARROW_TRY(validate(graph));
  Graph moved = graph;
  static_cast<void>(move_dequantize_past_concats(moved));  // what runs in integers is logged, not how it got there
  remove_dead(moved);
  PreQuantizedPlanner planner(moved);
  planner.run();
  NARROW_ASSIGN(BuiltGraph built, planner.build());
  std::vector<Event> log = describe(built.graph, moved, planner);
  return PartlyIntegerGraph{std::move(built.graph), std::move(log)};
}

}  // namespace narrow::graph
