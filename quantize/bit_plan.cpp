#include "quantize/bit_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "quantize/concat_scales.h"
#include "quantize/free_bits.h"
#include "quantize/named_bits.h"
#include "quantize/representation_plan.h"

namespace narrow::graph {

using base::in_quotes;

namespace {

// Bits that are required of the tensors that share one quantization.
struct RequiredBits {
  std::vector<int> by_layer;  // exceptions by layer name, stronger than the rest
  std::vector<int> others;
};

// One number of bits for all. An exception by name has priority. Otherwise the larger number wins, because its range
// holds what both require.
int agree(const RequiredBits& required, const std::string& name, std::vector<Event>& log) {
  const std::vector<int>& strongest = required.by_layer.empty() ? required.others : required.by_layer;
  if (strongest.empty()) return kMaxBits;
  const auto [min, max] = std::minmax_element(strongest.begin(), strongest.end());
  if (*min != *max) {
    log.push_back({Event::Kind::kNote, name,
                   in_quotes(name) + " and the tensors that share its integers are required at " +
                       std::to_string(*min) + " and at " + std::to_string(*max) + " bits: " + std::to_string(*max) +
                       " for all"});
  }
  return *max;
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

// Pre-quantized values: uint8, or the same integers as such a value.
std::vector<bool> find_pre_quantized(const Graph& graph) {
  std::vector<bool> pre_quantized(graph.values.size(), false);
  for (const Node& node : graph.nodes) {
    pre_quantized[index(node.output)] = graph.value(node.output).quantization.has_value() ||
                                        std::holds_alternative<Dequantize>(node.op) ||
                                        (is_lossless(node.op) && pre_quantized[index(node.inputs[0])]);
  }
  return pre_quantized;
}

Event free_bits_event(std::size_t tensors, int asked) {
  return {Event::Kind::kSummary, "preparation",
          std::to_string(tensors) + (tensors == 1 ? " tensor has" : " tensors have") + " more than " +
              std::to_string(asked) + " bits, because fewer would save little time in the layers that read " +
              (tensors == 1 ? "it" : "them")};
}

Event free_weight_bits_event(std::size_t layers, int asked, double growth) {
  return {Event::Kind::kSummary, "preparation",
          "weights of " + std::to_string(layers) + (layers == 1 ? " layer have" : " layers have") + " more than " +
              std::to_string(asked) + " bits, because fewer would save little time; all weights together take " +
              (growth < 0.001 ? "less than 0.1" : base::number_text(std::round(1000 * growth) / 10)) + " % more bytes"};
}

// Beside a sum of fewer bits, the rounding of a convolution to 8 bits is less than a tenth of a decibel.
constexpr int kLeastBitsOfOneRounding = 6;

// Plans one thing after the other. What was asked for by name is kept apart, because free bits of weights are planned
// as if nothing had been.
class BitPlanner {
 public:
  BitPlanner(const Graph& graph, const Liveness& live, const QuantizeOptions& options)
      : graph_(graph),
        live_(live),
        options_(options),
        boundary_(boundary_layers(graph, live, options)),
        pre_quantized_(find_pre_quantized(graph)),
        free_bits_(graph, options) {}

  [[nodiscard]] Result<BitPlan> plan() const;

 private:
  [[nodiscard]] bool is_boundary(std::size_t n) const { return boundary_.first[n] || boundary_.last[n]; }
  // What keeps a layer from bits by name for its weights or its output; nothing does: empty.
  [[nodiscard]] std::string why_no_weight_bits(std::size_t n) const;
  [[nodiscard]] std::string why_no_output_bits(std::size_t n, const BitPlan& plan) const;

  void plan_weights(const NamedBits& named, BitPlan& plan) const;
  // Gives weights their free bits. unnamed: what has been planned so far if no bits had been asked for by name. Names
  // change nothing here, so that naming one layer leaves the weights of the others as they are.
  void plan_free_weight_bits(const NamedBits& named, BitPlan unnamed, BitPlan& plan) const;
  void plan_activations(const NamedBits& named, BitPlan& plan) const;
  // Values that first and last layers read, and those that become the scores, by ValueId.
  [[nodiscard]] std::vector<bool> find_at_boundary(const BitPlan& plan) const;
  // Bits that layers require of what they read, by ValueId; nothing where no layer reads it, also through operators
  // that only copy. Where several read it, those of the layer that gains most by few.
  [[nodiscard]] std::vector<std::optional<int>> bits_for_readers(const BitPlan& plan) const;
  // Finds the layers whose sums shall stay in 16 bits: those with free bits, and those with bits by name, which may be
  // the free bits of another plan.
  void plan_sums(const NamedBits& named_weights, BitPlan& plan) const;
  // Marks the convolutions that are added to a residual before they are rounded. Where the bits of the output were
  // asked for, it is rounded.
  void plan_residual_sums(const NamedBits& named_activations, BitPlan& plan) const;

  const Graph& graph_;
  const Liveness& live_;
  const QuantizeOptions& options_;
  const FirstAndLastLayers boundary_;
  const std::vector<bool> pre_quantized_;  // by ValueId
  const FreeBitPlanner free_bits_;
};

std::string BitPlanner::why_no_weight_bits(std::size_t n) const {
  const Filter* const filter = filter_of(graph_.nodes[n]);
  if (filter == nullptr) return "has no weights";
  return filter->pre_quantized ? "has integer weights, which stay as they are" : "";
}

std::string BitPlanner::why_no_output_bits(std::size_t n, const BitPlan& plan) const {
  const Node& node = graph_.nodes[n];
  if (plan.writes_float[n]) {
    return node.output == graph_.output ? "writes the network's scores, which are float32" : "writes float32";
  }
  if (is_float_only(node.op) || (plan.in_float[n] && filter_of(node) == nullptr)) return "runs in float32";
  return pre_quantized_[index(node.output)] ? "is quantized already, and stays as it is" : "";
}

void BitPlanner::plan_weights(const NamedBits& named, BitPlan& plan) const {
  plan.weight_bits.assign(graph_.nodes.size(), 0);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (!live_.nodes[n] || filter_of(graph_.nodes[n]) == nullptr) continue;
    if (const auto bits = named.find(n); bits != named.end()) {
      plan.weight_bits[n] = bits->second;
    } else if (is_boundary(n) && options_.boundary_layers == BoundaryLayers::kFloat &&
               !filter_of(graph_.nodes[n])->pre_quantized) {
      plan.in_float[n] = true;
      plan.weight_bits[n] = kFloatBits;
    } else {
      plan.weight_bits[n] = is_boundary(n) ? options_.boundary_bits : options_.weight_bits;
    }
  }
}

void BitPlanner::plan_free_weight_bits(const NamedBits& named, BitPlan unnamed, BitPlan& plan) const {
  if (!free_bits_.gives_free_weight_bits()) return;
  std::vector<bool> may(graph_.nodes.size(), false);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Filter* const filter = filter_of(graph_.nodes[n]);
    may[n] = live_.nodes[n] && filter != nullptr && !filter->pre_quantized && !unnamed.in_float[n] && !is_boundary(n);
  }
  free_bits_.raise_weights(may, unnamed.weight_bits);
  plan_activations({}, unnamed);
  std::vector<int> input_bits(graph_.nodes.size(), kMaxBits);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (!may[n]) continue;
    const std::size_t input = index(graph_.nodes[n].inputs[0]);
    if (!pre_quantized_[input]) input_bits[n] = unnamed.activation_bits[input];
  }
  free_bits_.fit_weights(may, input_bits, unnamed.weight_bits);
  std::size_t layers = 0;
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    may[n] = may[n] && named.count(n) == 0;
    if (!may[n]) continue;
    plan.weight_bits[n] = unnamed.weight_bits[n];
    layers += plan.weight_bits[n] > options_.weight_bits ? 1 : 0;
  }
  if (layers == 0) return;
  plan.log.push_back(free_weight_bits_event(layers, options_.weight_bits, free_bits_.growth(may, plan.weight_bits)));
}

std::vector<std::optional<int>> BitPlanner::bits_for_readers(const BitPlan& plan) const {
  std::vector<std::optional<int>> bits(graph_.values.size());
  for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
    const Node& node = graph_.nodes[n];
    if (!live_.nodes[n]) continue;
    std::optional<int> required;
    if (filter_of(node) != nullptr && !plan.in_float[n]) {
      required = free_bits_.for_reader(n, plan.weight_bits[n]);
    } else if (is_lossless(node.op) || std::holds_alternative<Concat>(node.op)) {
      required = bits[index(node.output)];
    }
    if (!required) continue;
    for (const ValueId id : node.inputs) {
      std::optional<int>& of_input = bits[index(id)];
      of_input = of_input ? std::min(*of_input, *required) : *required;
    }
  }
  return bits;
}

std::vector<bool> BitPlanner::find_at_boundary(const BitPlan& plan) const {
  std::vector<bool> at_boundary(graph_.values.size(), false);
  at_boundary[index(graph_.output)] = options_.boundary_layers != BoundaryLayers::kOff;
  for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
    // What follows a Softmax becomes the scores.
    const Node& node = graph_.nodes[n];
    const bool passes_on =
        is_float_only(node.op) || moves_no_byte(node.op) || (plan.in_float[n] && filter_of(node) == nullptr);
    if (passes_on && at_boundary[index(node.output)]) at_boundary[index(node.inputs[0])] = true;
  }
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    if (is_boundary(n)) at_boundary[index(graph_.nodes[n].inputs[0])] = true;
  }
  return at_boundary;
}

void BitPlanner::plan_activations(const NamedBits& named, BitPlan& plan) const {
  plan.source = find_sources(graph_, live_);
  std::vector<int> by_layer(graph_.values.size(), 0);
  for (const auto& [n, bits] : named) by_layer[index(graph_.nodes[n].output)] = bits;
  const std::vector<bool> at_boundary = find_at_boundary(plan);
  const std::vector<std::optional<int>> for_readers = bits_for_readers(plan);
  std::vector<RequiredBits> required(graph_.values.size());     // by source
  std::vector<std::optional<int>> least(graph_.values.size());  // by source: for the reader that gains most by few bits
  std::vector<bool> has_boundary(graph_.values.size(), false);  // by source
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    if (!live_.values[v] || pre_quantized_[v]) continue;
    const std::size_t source = index(plan.source[v]);
    RequiredBits& group = required[source];
    if (by_layer[v] != 0) group.by_layer.push_back(by_layer[v]);
    if (at_boundary[v]) {
      group.others.push_back(options_.boundary_bits);
      has_boundary[source] = true;
    } else if (for_readers[v]) {
      // Only layers with weights run faster on fewer bits. What no layer reads keeps all: it costs nothing.
      least[source] = std::min(*for_readers[v], least[source].value_or(kMaxBits));
    }
  }
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    // First and last layers have the bits that were asked for them, at most.
    if (least[v] && has_boundary[v]) least[v] = options_.activation_bits;
    if (least[v]) required[v].others.push_back(*least[v]);
  }
  plan.activation_bits.assign(graph_.values.size(), options_.activation_bits);
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    if (!live_.values[v] || pre_quantized_[v]) continue;
    const std::size_t source = index(plan.source[v]);
    plan.activation_bits[v] =
        source == v ? agree(required[v], graph_.values[v].name, plan.log) : plan.activation_bits[source];
  }
  const auto has_free_bits = [&](std::size_t v) {
    return least[v] && *least[v] > options_.activation_bits && required[v].by_layer.empty();
  };
  std::size_t tensors = 0;
  plan.has_free_bits.assign(graph_.values.size(), false);
  for (std::size_t v = 0; v < graph_.values.size(); ++v) {
    tensors += has_free_bits(v) ? 1 : 0;
    plan.has_free_bits[v] = live_.values[v] && has_free_bits(index(plan.source[v]));
  }
  if (tensors > 0) plan.log.push_back(free_bits_event(tensors, options_.activation_bits));
}

void BitPlanner::plan_sums(const NamedBits& named_weights, BitPlan& plan) const {
  plan.lanes.assign(graph_.nodes.size(), {});
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    if (!live_.nodes[n] || filter_of(node) == nullptr || plan.in_float[n] || is_boundary(n)) continue;
    const std::size_t input = index(node.inputs[0]);
    if (pre_quantized_[input]) continue;
    const bool is_named = named_weights.count(n) != 0;
    if (!is_named && !plan.has_free_bits[input] && plan.weight_bits[n] <= options_.weight_bits) continue;
    plan.lanes[n] = free_bits_.lanes(n, plan.weight_bits[n], plan.activation_bits[input]);
  }
}

void BitPlanner::plan_residual_sums(const NamedBits& named_activations, BitPlan& plan) const {
  const ValueMap<int> made_by = producers(graph_);
  const ValueMap<std::vector<int>> read_by = consumers(graph_);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    if (!live_.nodes[n] || graph_.value(node.output).quantization) continue;
    const std::optional<std::size_t> summed = find_summable(graph_, node, made_by, read_by);
    if (!summed) continue;
    const std::size_t writer = index(made_by[node.inputs[*summed]]);
    if (plan.in_float[writer] || named_activations.count(writer) != 0) continue;
    const auto& readers = read_by[node.output];
    const bool is_pre_quantized = !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int reader) {
      return std::holds_alternative<Quantize>(graph_.nodes[index(reader)].op);
    });
    const bool is_fine = plan.activation_bits[index(node.output)] >= kLeastBitsOfOneRounding;
    const bool once =
        options_.residual_sums == ResidualSums::kOnce || (options_.residual_sums == ResidualSums::kAuto && is_fine);
    if (!once && !is_pre_quantized) continue;
    plan.writes_float[writer] = true;
  }
}

Result<BitPlan> BitPlanner::plan() const {
  BitPlan plan;
  plan.writes_float = find_float_writers(graph_, live_);
  plan.in_float.assign(graph_.nodes.size(), false);
  if (const int at = find_score_function(graph_); at >= 0) plan.in_float[index(at)] = true;
  NARROW_ASSIGN(const NamedBits for_weights,
                find_named_bits(graph_, live_, options_.layer_weight_bits, "layer weight bits",
                                [&](std::size_t n) { return why_no_weight_bits(n); }));
  NARROW_ASSIGN(const NamedBits for_activations,
                find_named_bits(graph_, live_, options_.layer_activation_bits, "layer activation bits",
                                [&](std::size_t n) { return why_no_output_bits(n, plan); }));
  BitPlan unnamed = plan;
  plan_weights({}, unnamed);
  plan_weights(for_weights, plan);
  plan_free_weight_bits(for_weights, std::move(unnamed), plan);
  plan_activations(for_activations, plan);
  plan_sums(for_weights, plan);
  plan_residual_sums(for_activations, plan);
  plan.scale_source = find_concat_scales(graph_, live_, plan);
  return plan;
}

}  // namespace

FirstAndLastLayers find_first_and_last_layers(const Graph& graph, const Liveness& live) {
  const std::size_t count = graph.nodes.size();
  FirstAndLastLayers boundary{std::vector<bool>(count, false), std::vector<bool>(count, false)};
  std::vector<bool> near_input(graph.values.size(), false);
  near_input[index(graph.input)] = true;
  for (std::size_t n = 0; n < count; ++n) {
    const Node& node = graph.nodes[n];
    const bool reached =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return near_input[index(id)]; });
    if (!live.nodes[n] || !reached) continue;
    (filter_of(node) != nullptr ? boundary.first[n] : near_input[index(node.output)]) = true;
  }
  std::vector<bool> near_output(graph.values.size(), false);
  near_output[index(graph.output)] = true;
  for (std::size_t n = count; n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n] || !near_output[index(node.output)]) continue;
    if (filter_of(node) != nullptr) {
      boundary.last[n] = true;
    } else {
      for (const ValueId id : node.inputs) near_output[index(id)] = true;
    }
  }
  return boundary;
}

FirstAndLastLayers boundary_layers(const Graph& graph, const Liveness& live, const QuantizeOptions& options) {
  if (options.boundary_layers != BoundaryLayers::kOff) return find_first_and_last_layers(graph, live);
  const std::vector<bool> none(graph.nodes.size(), false);
  return {none, none};
}

std::vector<bool> find_read_by_layers(const Graph& graph, const Liveness& live, const std::vector<bool>& in_float) {
  std::vector<bool> read(graph.values.size(), false);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    const bool is_layer = filter_of(node) != nullptr && !in_float[n];
    const bool copies = is_lossless(node.op) || std::holds_alternative<Concat>(node.op);
    if (!is_layer && !(copies && read[index(node.output)])) continue;
    for (const ValueId id : node.inputs) read[index(id)] = true;
  }
  return read;
}

Result<BitPlan> plan_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options) {
  NARROW_TRY(check_bits(options.weight_bits, "weight bits"));
  NARROW_TRY(check_bits(options.activation_bits, "activation bits"));
  NARROW_TRY(check_bits(options.boundary_bits, "boundary bits"));
  return BitPlanner(graph, live, options).plan();
}

}  // namespace narrow::graph
