#include "graph/quantizer/bit_plan.h"

#include <algorithm>
#include <map>

#include "graph/quantizer/quotes.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

constexpr int kFloatBits = 32;

Status check_bits(int bits, const std::string& option) {
  if (bits >= kMinBits && bits <= kMaxBits) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::to_string(bits) + " bits are not possible; valid are 2, 3, 4, 5, 6, 7 and 8", option};
}

using Exceptions = std::map<std::size_t, int>;  // bits by node index

// Names of the live layers that `wanted` accepts, for errors.
template <class Wanted>
std::string list_layers(const Graph& graph, const Liveness& live, const Wanted& wanted) {
  std::string list;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n] || !wanted(graph.nodes[n])) continue;
    list += (list.empty() ? "" : ", ") + graph.nodes[n].name;
  }
  return list;
}

// Exceptions by node index; `wanted` says which layers may have one, `why_not` what is wrong with the others.
template <class Wanted>
Result<Exceptions> resolve(const Graph& graph, const Liveness& live, const std::vector<LayerBits>& exceptions,
                           const std::string& option, const Wanted& wanted, const std::string& why_not) {
  Exceptions result;
  for (const LayerBits& exception : exceptions) {
    NARROW_TRY(check_bits(exception.bits, option + " of " + in_quotes(exception.layer)));
    std::size_t n = 0;
    while (n < graph.nodes.size() && !(live.nodes[n] && graph.nodes[n].name == exception.layer)) ++n;
    if (n == graph.nodes.size()) {
      return Error{ErrorCode::kNotFound,
                   "there is no layer " + in_quotes(exception.layer) + "; layers: " + list_layers(graph, live, wanted),
                   option};
    }
    if (!wanted(graph.nodes[n])) {
      return Error{ErrorCode::kInvalidArgument,
                   in_quotes(exception.layer) + " " + why_not + "; layers: " + list_layers(graph, live, wanted),
                   option};
    }
    if (!result.emplace(n, exception.bits).second) {
      return Error{ErrorCode::kInvalidArgument, in_quotes(exception.layer) + " is named twice", option};
    }
  }
  return result;
}

// Widths wanted for the tensors that share one quantization.
struct Wants {
  std::vector<int> by_layer;  // exceptions by layer name, stronger than the rest
  std::vector<int> others;
};

// One width for all. Exceptions by name beat everything; otherwise the wider wins, as it can hold what both ask for.
int agree(const Wants& wants, const std::string& name, std::vector<std::string>& log) {
  const std::vector<int>& strongest = wants.by_layer.empty() ? wants.others : wants.by_layer;
  const auto [min, max] = std::minmax_element(strongest.begin(), strongest.end());
  if (*min != *max) {
    log.push_back(in_quotes(name) + " and the tensors that share its integers were wanted at " + std::to_string(*min) +
                  " and at " + std::to_string(*max) + " bits: " + std::to_string(*max) + " for all");
  }
  return *max;
}

void plan_weights(const Graph& graph, const Liveness& live, const QuantizeOptions& options, const EdgeLayers& edges,
                  const Exceptions& exceptions, BitPlan& plan) {
  plan.in_float.assign(graph.nodes.size(), false);
  plan.weight_bits.assign(graph.nodes.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n] || filter_of(graph.nodes[n]) == nullptr) continue;
    const bool edge = edges.first[n] || edges.last[n];
    const auto exception = exceptions.find(n);
    if (exception != exceptions.end()) {
      plan.weight_bits[n] = exception->second;
    } else if (edge && options.edges == Edges::kFloat) {
      plan.in_float[n] = true;
      plan.weight_bits[n] = kFloatBits;
    } else {
      plan.weight_bits[n] = edge ? options.edge_bits : options.weight_bits;
    }
  }
}

// Values whose integers are the same bytes: each names the one that the others come from.
std::vector<ValueId> find_sources(const Graph& graph, const Liveness& live) {
  std::vector<ValueId> source(graph.values.size());
  for (std::size_t v = 0; v < source.size(); ++v) source[v] = static_cast<ValueId>(v);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (live.nodes[n] && is_lossless(node.op)) source[index(node.output)] = source[index(node.inputs[0])];
  }
  return source;
}

void plan_activations(const Graph& graph, const Liveness& live, const QuantizeOptions& options, const EdgeLayers& edges,
                      const Exceptions& exceptions, BitPlan& plan) {
  plan.source = find_sources(graph, live);
  std::vector<Wants> wants(graph.values.size());
  std::vector<bool> at_edge(graph.values.size(), false);  // what edge layers read, and what becomes the scores
  at_edge[index(graph.output)] = options.edges != Edges::kOff;
  std::vector<int> by_layer(graph.values.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (edges.first[n] || edges.last[n]) at_edge[index(graph.nodes[n].inputs[0])] = true;
    const auto exception = exceptions.find(n);
    if (exception != exceptions.end()) by_layer[index(graph.nodes[n].output)] = exception->second;
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v]) continue;
    Wants& group = wants[index(plan.source[v])];
    if (by_layer[v] != 0) group.by_layer.push_back(by_layer[v]);
    group.others.push_back(at_edge[v] ? options.edge_bits : options.activation_bits);
  }
  plan.activation_bits.assign(graph.values.size(), options.activation_bits);
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v]) continue;
    const std::size_t source = index(plan.source[v]);

    plan.activation_bits[v] =
        source == v ? agree(wants[v], graph.values[v].name, plan.log) : plan.activation_bits[source];
  }
}

}  // namespace

EdgeLayers find_edge_layers(const Graph& graph, const Liveness& live) {
  const std::size_t count = graph.nodes.size();
  EdgeLayers edges{std::vector<bool>(count, false), std::vector<bool>(count, false)};
  std::vector<bool> near_input(graph.values.size(), false);
  near_input[index(graph.input)] = true;
  for (std::size_t n = 0; n < count; ++n) {
    const Node& node = graph.nodes[n];
    const bool reached =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return near_input[index(id)]; });
    if (!live.nodes[n] || !reached) continue;
    (filter_of(node) != nullptr ? edges.first[n] : near_input[index(node.output)]) = true;
  }
  std::vector<bool> near_output(graph.values.size(), false);
  near_output[index(graph.output)] = true;
  for (std::size_t n = count; n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n] || !near_output[index(node.output)]) continue;
    if (filter_of(node) != nullptr) {
      edges.last[n] = true;
    } else {
      for (const ValueId id : node.inputs) near_output[index(id)] = true;
    }
  }
  return edges;
}

Result<BitPlan> plan_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options) {
  NARROW_TRY(check_bits(options.weight_bits, "weight bits"));
  NARROW_TRY(check_bits(options.activation_bits, "activation bits"));
  NARROW_TRY(check_bits(options.edge_bits, "edge bits"));
  const auto has_weights = [](const Node& node) { return filter_of(node) != nullptr; };
  const auto has_integer_output = [&](const Node& node) { return node.output != graph.output || !has_weights(node); };
  NARROW_ASSIGN(const Exceptions for_weights,
                resolve(graph, live, options.layer_weight_bits, "layer weight bits", has_weights, "has no weights"));
  NARROW_ASSIGN(const Exceptions for_activations,
                resolve(graph, live, options.layer_activation_bits, "layer activation bits", has_integer_output,
                        "writes the network's scores, which are float32"));
  EdgeLayers edges = find_edge_layers(graph, live);
  if (options.edges == Edges::kOff) {
    std::fill(edges.first.begin(), edges.first.end(), false);
    std::fill(edges.last.begin(), edges.last.end(), false);
  }
  BitPlan plan;
  plan_weights(graph, live, options, edges, for_weights, plan);
  plan_activations(graph, live, options, edges, for_activations, plan);
  return plan;
}

}  // namespace narrow::graph
