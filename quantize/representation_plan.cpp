#include "quantize/representation_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/try.h"

namespace narrow::graph {
namespace {

// The representations that the readers of a float value require.
struct Demand {
  bool as_float = false;
  bool as_integer = false;                  // with decided parameters
  std::vector<PreQuantized> pre_quantized;  // all different
};

// Visits the nodes from the output to the input, so that the demand on a node's result is complete when it is visited.
class RepresentationPlanner {
 public:
  RepresentationPlanner(const Graph& graph, const Liveness& live, const std::vector<bool>& float_layers,
                        const std::vector<bool>& writes_float)
      : graph_(graph),
        live_(live),
        float_layers_(float_layers),
        writes_float_(writes_float),
        made_by_(producers(graph)),
        read_by_(consumers(graph)),
        demands_(graph.values.size()),
        born_float_(graph.values.size(), false) {
    plan_.nodes.resize(graph.nodes.size());
    plan_.needs_decision.assign(graph.values.size(), false);
    born_float_[index(graph.input)] = true;
    dequantized_.assign(graph.values.size(), false);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const Node& node = graph.nodes[n];
      if (!live.nodes[n]) continue;
      const bool passes_on = is_lossless(node.op) && born_float_[index(node.inputs[0])];
      born_float_[index(node.output)] = is_float_only(node.op) || float_layers[n] || writes_float[n] || passes_on;
      dequantized_[index(node.output)] = std::holds_alternative<Dequantize>(node.op);
    }
  }

  Result<RepresentationPlan> run() {
    demand(graph_.output).as_float = true;
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      if (live_.nodes[n]) NARROW_TRY(visit(n));
    }
    plan_.of_input = demand(graph_.input).pre_quantized;
    plan_.needs_decision[index(graph_.input)] = demand(graph_.input).as_integer;
    return std::move(plan_);
  }

 private:
  Demand& demand(ValueId id) { return demands_[index(id)]; }

  Status visit(std::size_t n) {
    const Node& node = graph_.nodes[n];
    const Demand out = demand(node.output);
    if (const auto& pre_quantized = graph_.value(node.output).quantization) {
      // What is uint8 already stays as it is, down to the Quantize that makes it.
      return std::holds_alternative<Quantize>(node.op) ? add(node.inputs[0], {*pre_quantized, n}) : Status{};
    }
    NodeRepresentations& representations = plan_.nodes[n];
    if (std::holds_alternative<Dequantize>(node.op)) {
      representations.in_float = out.as_float;
      representations.integers = out.pre_quantized;
      return {};
    }
    const bool only_float = !out.as_integer && out.pre_quantized.empty();
    // A float32 tensor whose readers require float32 is not made integer on the way.
    const bool stays_float = is_lossless(node.op) && born_float_[index(node.inputs[0])] && only_float;
    if (is_float_only(node.op) || float_layers_[n] || stays_float) {
      representations.in_float = true;
      representations.from_float = out.pre_quantized;
      plan_.needs_decision[index(node.output)] = out.as_integer;
      for (const ValueId id : node.inputs) demand(id).as_float = true;
      return {};
    }
    // Lossless operators and Concat only copy: rounding to pre-quantized parameters may as well happen before them.
    const bool copies = is_lossless(node.op) || std::holds_alternative<Concat>(node.op);
    const bool decided = out.as_integer || out.as_float;
    representations.integers = out.pre_quantized;
    // A convolution whose sum has several representations is rounded: nothing reads it in float32 then.
    if (filter_of(node) != nullptr && writes_float_[n] && out.as_float) {
      representations.sums_to_float = true;
      plan_.needs_decision[index(node.output)] = out.as_integer;
    } else {
      representations.decided = decided;
      plan_.needs_decision[index(node.output)] = decided && !is_lossless(node.op);
    }
    representations.summed = summed(node, representations);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (representations.summed == i) {
        demand(id).as_float = true;
        continue;
      }
      if (!copies || decided) demand(id).as_integer = true;
      if (!copies || (std::holds_alternative<Concat>(node.op) && dequantized_[index(id)])) continue;
      for (const PreQuantized& parameters : out.pre_quantized) NARROW_TRY(add(id, parameters));
    }
    return {};
  }

  [[nodiscard]] std::optional<std::size_t> summed(const Node& node, const NodeRepresentations& representations) const {
    if ((representations.decided ? 1U : 0U) + representations.integers.size() != 1) return std::nullopt;
    const std::optional<std::size_t> input = find_summable(graph_, node, made_by_, read_by_);
    if (!input || !writes_float_[index(made_by_[node.inputs[*input]])]) return std::nullopt;
    return input;
  }

  Status add(ValueId id, const PreQuantized& parameters) {
    std::vector<PreQuantized>& pre_quantized = demand(id).pre_quantized;
    const bool known = std::any_of(pre_quantized.begin(), pre_quantized.end(), [&](const PreQuantized& other) {
      return other.quantization == parameters.quantization;
    });
    if (known) return {};
    if (pre_quantized.size() == kMaxPreQuantized) {
      return Error{ErrorCode::kLimit,
                   "is quantized in more than " + std::to_string(kMaxPreQuantized) +
                       " different ways; each would be computed on its own",
                   graph_.value(id).name};
    }
    pre_quantized.push_back(parameters);
    return {};
  }

  const Graph& graph_;
  const Liveness& live_;
  const std::vector<bool>& float_layers_;
  const std::vector<bool>& writes_float_;
  ValueMap<int> made_by_;
  ValueMap<std::vector<int>> read_by_;
  std::vector<Demand> demands_;    // by ValueId
  std::vector<bool> born_float_;   // by ValueId: its producer writes float32
  std::vector<bool> dequantized_;  // by ValueId: its producer is a Dequantize
  RepresentationPlan plan_;
};

}  // namespace

int find_score_function(const Graph& graph) {
  const ValueMap<int> made_by = producers(graph);
  const ValueMap<std::vector<int>> read_by = consumers(graph);
  for (int at = made_by[graph.output]; at >= 0;) {
    const Node& node = graph.nodes[static_cast<std::size_t>(at)];
    if (graph.value(node.output).quantization || read_by[node.output].size() > 1) return -1;
    if (std::holds_alternative<Function>(node.op)) return at;
    if (!moves_no_byte(node.op)) return -1;
    at = made_by[node.inputs[0]];
  }
  return -1;
}

std::vector<bool> find_float_writers(const Graph& graph, const Liveness& live) {
  std::vector<bool> read_in_float(graph.values.size(), false);
  std::vector<bool> read_otherwise(graph.values.size(), false);
  read_in_float[index(graph.output)] = true;
  std::vector<bool> writers(graph.nodes.size(), false);
  const int score_function = find_score_function(graph);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    const std::size_t out = index(node.output);
    const bool only_float = read_in_float[out] && !read_otherwise[out];
    writers[n] = filter_of(node) != nullptr && (only_float || node.output == graph.output);
    const bool reads_float =
        is_float_only(node.op) || (moves_no_byte(node.op) && only_float) || static_cast<int>(n) == score_function;
    for (const ValueId id : node.inputs) (reads_float ? read_in_float : read_otherwise)[index(id)] = true;
  }
  return writers;
}

std::optional<std::size_t> find_summable(const Graph& graph, const Node& node, const ValueMap<int>& made_by,
                                         const ValueMap<std::vector<int>>& read_by) {
  if (!std::holds_alternative<Add>(node.op)) return std::nullopt;
  const TensorShape& shape = graph.value(node.output).shape;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (graph.value(id).shape != shape) return std::nullopt;
    if (made_by[id] < 0 || read_by[id].size() != 1 || id == graph.output) continue;
    const Node& writer = graph.nodes[index(made_by[id])];
    const auto* convolution = std::get_if<Convolution>(&writer.op);
    if (convolution == nullptr || !writer.clamp.is_identity()) continue;
    // Kernels for one filter per channel do not add.
    const bool is_dense =
        convolution->groups == 1 || convolution->groups < graph.value(writer.inputs[0]).shape.channels;
    if (!is_dense) continue;
    if (!found || made_by[id] > made_by[node.inputs[*found]]) found = i;
  }
  return found;
}

Result<RepresentationPlan> plan_representations(const Graph& graph, const Liveness& live,
                                                const std::vector<bool>& float_layers,
                                                const std::vector<bool>& writes_float) {
  return RepresentationPlanner(graph, live, float_layers, writes_float).run();
}

}  // namespace narrow::graph
