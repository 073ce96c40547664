#include "quantize/bit_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "quantize/concat_scales.h"
#include "quantize/free_bits.h"
#include "quantize/representation_plan.h"

namespace narrow::graph {

using base::in_quotes;

namespace {

Status check_bits(int bits, const std::string& option) {
  if (bits >= kMinBits && bits <= kMaxBits) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::to_string(bits) + " bits are not possible; valid are 2, 3, 4, 5, 6, 7 and 8", option};
}

using Exceptions = std::map<std::size_t, int>;  // bits by node index

// Names of the live layers that may have an exception, for errors.
template <class WhyNot>
std::string list_layers(const Graph& graph, const Liveness& live, const WhyNot& why_not) {
  std::string list;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n] || !why_not(n).empty()) continue;
    list += (list.empty() ? "" : ", ") + graph.nodes[n].name;
  }
  return list;
}

// Exceptions by node index; `why_not` says what is wrong with a layer that may not have one, nothing for the others.
template <class WhyNot>
Result<Exceptions> resolve(const Graph& graph, const Liveness& live, const std::vector<LayerBits>& exceptions,
                           const std::string& option, const WhyNot& why_not) {
  Exceptions result;
  for (const LayerBits& exception : exceptions) {
    NARROW_TRY(check_bits(exception.bits, option + " of " + in_quotes(exception.layer)));
    std::size_t n = 0;
    while (n < graph.nodes.size() && !(live.nodes[n] && graph.nodes[n].name == exception.layer)) ++n;
    if (n == graph.nodes.size()) {
      return Error{ErrorCode::kNotFound,
                   "there is no layer " + in_quotes(exception.layer) + "; layers: " + list_layers(graph, live, why_not),
                   option};
    }
    if (const std::string reason = why_not(n); !reason.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   in_quotes(exception.layer) + " " + reason + "; layers: " + list_layers(graph, live, why_not),
                   option};
    }
    if (!result.emplace(n, exception.bits).second) {
      return Error{ErrorCode::kInvalidArgument, in_quotes(exception.layer) + " is named twice", option};
    }
  }
  return result;
}

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

void plan_weights(const Graph& graph, const Liveness& live, const QuantizeOptions& options,
                  const FirstAndLastLayers& boundary, const Exceptions& exceptions, BitPlan& plan) {
  plan.weight_bits.assign(graph.nodes.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n] || filter_of(graph.nodes[n]) == nullptr) continue;
    const bool is_boundary = boundary.first[n] || boundary.last[n];
    const auto exception = exceptions.find(n);
    if (exception != exceptions.end()) {
      plan.weight_bits[n] = exception->second;
    } else if (is_boundary && options.boundary_layers == BoundaryLayers::kFloat &&
               !filter_of(graph.nodes[n])->pre_quantized) {
      plan.in_float[n] = true;
      plan.weight_bits[n] = kFloatBits;
    } else {
      plan.weight_bits[n] = is_boundary ? options.boundary_bits : options.weight_bits;
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

// Bits that layers require of what they read, by ValueId; nothing where no layer reads it, also through operators that
// only copy. Where several read it, those of the layer that gains most by few.
std::vector<std::optional<int>> bits_for_readers(const Graph& graph, const Liveness& live,
                                                 const FreeBitPlanner& free_bits, const BitPlan& plan) {
  std::vector<std::optional<int>> bits(graph.values.size());
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    std::optional<int> required;
    if (filter_of(node) != nullptr && !plan.in_float[n]) {
      required = free_bits.for_reader(n, plan.weight_bits[n]);
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

void plan_activations(const Graph& graph, const Liveness& live, const QuantizeOptions& options,
                      const FirstAndLastLayers& boundary, const Exceptions& exceptions, const FreeBitPlanner& free_bits,
                      BitPlan& plan) {
  plan.source = find_sources(graph, live);
  std::vector<RequiredBits> required(graph.values.size());
  // What first and last layers read, and what becomes the scores.
  std::vector<bool> at_boundary(graph.values.size(), false);
  at_boundary[index(graph.output)] = options.boundary_layers != BoundaryLayers::kOff;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    // What follows a Softmax becomes the scores.
    const Node& node = graph.nodes[n];
    const bool passes_on =
        is_float_only(node.op) || moves_no_byte(node.op) || (plan.in_float[n] && filter_of(node) == nullptr);
    if (passes_on && at_boundary[index(node.output)]) at_boundary[index(node.inputs[0])] = true;
  }
  std::vector<int> by_layer(graph.values.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (boundary.first[n] || boundary.last[n]) at_boundary[index(graph.nodes[n].inputs[0])] = true;
    const auto exception = exceptions.find(n);
    if (exception != exceptions.end()) by_layer[index(graph.nodes[n].output)] = exception->second;
  }
  const std::vector<bool> pre_quantized = find_pre_quantized(graph);
  const std::vector<std::optional<int>> for_readers = bits_for_readers(graph, live, free_bits, plan);
  std::vector<std::optional<int>> least(graph.values.size());  // by source: for the reader that gains most by few bits
  std::vector<bool> has_boundary(graph.values.size(), false);  // by source
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v] || pre_quantized[v]) continue;
    const std::size_t source = index(plan.source[v]);
    RequiredBits& group = required[source];
    if (by_layer[v] != 0) group.by_layer.push_back(by_layer[v]);
    if (at_boundary[v]) {
      group.others.push_back(options.boundary_bits);
      has_boundary[source] = true;
    } else if (for_readers[v]) {
      // Only layers with weights run faster on fewer bits. What no layer reads keeps all: it costs nothing.
      least[source] = std::min(*for_readers[v], least[source].value_or(kMaxBits));
    }
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    // First and last layers have the bits that were asked for them, at most.
    if (least[v] && has_boundary[v]) least[v] = options.activation_bits;
    if (least[v]) required[v].others.push_back(*least[v]);
  }
  plan.activation_bits.assign(graph.values.size(), options.activation_bits);
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v] || pre_quantized[v]) continue;
    const std::size_t source = index(plan.source[v]);
    plan.activation_bits[v] =
        source == v ? agree(required[v], graph.values[v].name, plan.log) : plan.activation_bits[source];
  }
  const auto has_free_bits = [&](std::size_t v) {
    return least[v] && *least[v] > options.activation_bits && required[v].by_layer.empty();
  };
  std::size_t tensors = 0;
  plan.has_free_bits.assign(graph.values.size(), false);
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    tensors += has_free_bits(v) ? 1 : 0;
    plan.has_free_bits[v] = live.values[v] && has_free_bits(index(plan.source[v]));
  }
  if (tensors > 0) plan.log.push_back(free_bits_event(tensors, options.activation_bits));
}

// Gives weights their free bits. unnamed: what has been planned so far if no bits had been asked for by name. Names
// change nothing here, so that naming one layer leaves the weights of the others as they are.
void plan_free_weight_bits(const Graph& graph, const Liveness& live, const QuantizeOptions& options,
                           const FirstAndLastLayers& boundary, const Exceptions& exceptions,
                           const FreeBitPlanner& free_bits, BitPlan unnamed, BitPlan& plan) {
  if (!free_bits.gives_free_weight_bits()) return;
  std::vector<bool> may(graph.nodes.size(), false);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Filter* const filter = filter_of(graph.nodes[n]);
    may[n] = live.nodes[n] && filter != nullptr && !filter->pre_quantized && !unnamed.in_float[n] &&
             !boundary.first[n] && !boundary.last[n];
  }
  free_bits.raise_weights(may, unnamed.weight_bits);
  plan_activations(graph, live, options, boundary, {}, free_bits, unnamed);
  const std::vector<bool> pre_quantized = find_pre_quantized(graph);
  std::vector<int> input_bits(graph.nodes.size(), kMaxBits);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!may[n]) continue;
    const std::size_t input = index(graph.nodes[n].inputs[0]);
    if (!pre_quantized[input]) input_bits[n] = unnamed.activation_bits[input];
  }
  free_bits.fit_weights(may, input_bits, unnamed.weight_bits);
  std::size_t layers = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    may[n] = may[n] && exceptions.count(n) == 0;
    if (!may[n]) continue;
    plan.weight_bits[n] = unnamed.weight_bits[n];
    layers += plan.weight_bits[n] > options.weight_bits ? 1 : 0;
  }
  if (layers == 0) return;
  plan.log.push_back(free_weight_bits_event(layers, options.weight_bits, free_bits.growth(may, plan.weight_bits)));
}

// Finds the layers whose sums shall stay in 16 bits: those with free bits, and those with bits by name, which may be
// the free bits of another plan.
void plan_sums(const Graph& graph, const Liveness& live, const QuantizeOptions& options,
               const FirstAndLastLayers& boundary, const Exceptions& for_weights, const FreeBitPlanner& free_bits,
               BitPlan& plan) {
  const std::vector<bool> pre_quantized = find_pre_quantized(graph);
  plan.lanes.assign(graph.nodes.size(), {});
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const bool is_boundary = boundary.first[n] || boundary.last[n];
    if (!live.nodes[n] || filter_of(node) == nullptr || plan.in_float[n] || is_boundary) continue;
    const std::size_t input = index(node.inputs[0]);
    if (pre_quantized[input]) continue;
    const bool is_named = for_weights.count(n) != 0;
    if (!is_named && !plan.has_free_bits[input] && plan.weight_bits[n] <= options.weight_bits) continue;
    plan.lanes[n] = free_bits.lanes(n, plan.weight_bits[n], plan.activation_bits[input]);
  }
}

// Beside a sum of fewer bits, the rounding of a convolution to 8 bits is less than a tenth of a decibel.
constexpr int kLeastBitsOfOneRounding = 6;

// Marks the convolutions that are added to a residual before they are rounded. Where the bits of the output were asked
// for, it is rounded.
void plan_residual_sums(const Graph& graph, const Liveness& live, const QuantizeOptions& options,
                        const Exceptions& for_activations, BitPlan& plan) {
  const ValueMap<int> made_by = producers(graph);
  const ValueMap<std::vector<int>> read_by = consumers(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n] || graph.value(node.output).quantization) continue;
    const std::optional<std::size_t> summed = find_summable(graph, node, made_by, read_by);
    if (!summed) continue;
    const std::size_t writer = index(made_by[node.inputs[*summed]]);
    if (plan.in_float[writer] || for_activations.count(writer) != 0) continue;
    const auto& readers = read_by[node.output];
    const bool is_pre_quantized = !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int reader) {
      return std::holds_alternative<Quantize>(graph.nodes[index(reader)].op);
    });
    const bool is_fine = plan.activation_bits[index(node.output)] >= kLeastBitsOfOneRounding;
    const bool once =
        options.residual_sums == ResidualSums::kOnce || (options.residual_sums == ResidualSums::kAuto && is_fine);
    if (!once && !is_pre_quantized) continue;
    plan.writes_float[writer] = true;
  }
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
  BitPlan plan;
  plan.writes_float = find_float_writers(graph, live);
  plan.in_float.assign(graph.nodes.size(), false);
  if (const int at = find_score_function(graph); at >= 0) plan.in_float[static_cast<std::size_t>(at)] = true;
  const std::vector<bool> pre_quantized = find_pre_quantized(graph);
  const auto no_weights = [&](std::size_t n) -> std::string {
    const Filter* filter = filter_of(graph.nodes[n]);
    if (filter == nullptr) return "has no weights";
    return filter->pre_quantized ? "has integer weights, which stay as they are" : "";
  };
  const auto no_integer_output = [&](std::size_t n) -> std::string {
    const Node& node = graph.nodes[n];
    if (plan.writes_float[n]) {
      return node.output == graph.output ? "writes the network's scores, which are float32" : "writes float32";
    }
    if (is_float_only(node.op) || (plan.in_float[n] && filter_of(node) == nullptr)) return "runs in float32";
    return pre_quantized[index(node.output)] ? "is quantized already, and stays as it is" : "";
  };
  NARROW_ASSIGN(const Exceptions for_weights,
                resolve(graph, live, options.layer_weight_bits, "layer weight bits", no_weights));
  NARROW_ASSIGN(const Exceptions for_activations,
                resolve(graph, live, options.layer_activation_bits, "layer activation bits", no_integer_output));
  const FirstAndLastLayers boundary = boundary_layers(graph, live, options);
  BitPlan unnamed = plan;
  plan_weights(graph, live, options, boundary, {}, unnamed);
  plan_weights(graph, live, options, boundary, for_weights, plan);
  const FreeBitPlanner free_bits(graph, options);
  plan_free_weight_bits(graph, live, options, boundary, for_weights, free_bits, std::move(unnamed), plan);
  plan_activations(graph, live, options, boundary, for_activations, free_bits, plan);
  plan_sums(graph, live, options, boundary, for_weights, free_bits, plan);
  plan_residual_sums(graph, live, options, for_activations, plan);
  plan.scale_source = find_concat_scales(graph, live, plan);
  return plan;
}

}  // namespace narrow::graph
