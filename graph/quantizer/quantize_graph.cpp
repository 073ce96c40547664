#include "graph/quantizer/quantize_graph.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "graph/float_executor/liveness.h"
#include "graph/quantizer/activation_quantization.h"
#include "graph/quantizer/bit_plan.h"
#include "graph/quantizer/expected_input.h"
#include "graph/quantizer/quotes.h"
#include "graph/quantizer/weight_quantization.h"
#include "graph/text.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Only a float graph without BatchNorm can be quantized, and only what was observed.
Status check_quantizable(const Graph& graph, const Liveness& live,
                         const std::vector<std::optional<Observation>>& observations) {
  if (observations.size() != graph.values.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(observations.size()) + " observations for " + std::to_string(graph.values.size()) +
                     " tensors; calibrate this very graph",
                 "calibration"};
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v]) continue;
    const std::string& name = graph.values[v].name;
    if (graph.values[v].quantization) return Error{ErrorCode::kUnsupported, "is quantized already", name};
    if (!observations[v]) {
      return Error{ErrorCode::kInvalidArgument,
                   "tensor " + in_quotes(name) + " was never observed; calibrate the network", name};
    }
    const std::size_t means = observations[v]->channel_means.size();
    if (means != 0 && means != static_cast<std::size_t>(graph.values[v].shape.channels)) {
      return Error{ErrorCode::kInvalidArgument,
                   std::to_string(means) + " channel means for " + std::to_string(graph.values[v].shape.channels) +
                       " channels; calibrate this very graph",
                   name};
    }
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (live.nodes[n] && std::holds_alternative<BatchNorm>(graph.nodes[n].op)) {
      return Error{ErrorCode::kUnsupported, "a BatchNorm has to be folded before quantization", graph.nodes[n].name};
    }
  }
  return {};
}

// Builds the quantized graph node by node. Every value of the float graph has up to two forms there, float32 and uint8:
// the one that its producer writes, and another, converted once, where a reader wants it.
class Builder {
 public:
  Builder(const Graph& graph, const Liveness& live, const std::vector<std::optional<Observation>>& observations,
          const QuantizeOptions& options, BitPlan plan)
      : graph_(graph),
        live_(live),
        observations_(observations),
        options_(options),
        plan_(std::move(plan)),
        float_form_(graph.values.size(), kNoValue),
        integer_form_(graph.values.size(), kNoValue),
        clamp_(graph.values.size()) {
    result_.report.passes = std::move(plan_.log);
    for (const Value& value : graph.values) taken_.insert(value.name);
    for (const Node& node : graph.nodes) {
      taken_.insert(node.name);
      clamp_[index(node.output)] = node.clamp;
    }
  }

  Result<QuantizedGraph> run() {
    Graph& out = result_.graph;
    out.input = out.add_value(graph_.value(graph_.input).name, graph_.value(graph_.input).shape);
    float_form_[index(graph_.input)] = out.input;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_.nodes[n]) NARROW_TRY(add(n));
    }
    NARROW_ASSIGN(out.output, as_float(graph_.output));
    for (const auto& observation : observations_) {
      if (observation) result_.report.pictures = std::max<std::size_t>(result_.report.pictures, observation->pictures);
    }
    if (corrected_layers_ > 0) {
      result_.report.passes.push_back("biases of " + std::to_string(corrected_layers_) +
                                      " layers corrected for the mean error of their rounded weights");
    }
    NARROW_TRY(validate(out));
    return std::move(result_);
  }

 private:
  Status add(std::size_t n) {
    const Node& node = graph_.nodes[n];
    if (filter_of(node) == nullptr) return add_integer_node(node);
    if (plan_.in_float[n]) return add_float_layer(node);
    return add_integer_layer(node, plan_.weight_bits[n]);
  }

  Status add_integer_node(const Node& node) {
    Node copy = node;
    copy.clamp = Clamp{};  // the output's range says it
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, as_integer(id));
    }
    copy.output = append_value(node.output);
    NARROW_TRY(make_integer(node.output, copy.output));
    result_.graph.nodes.push_back(std::move(copy));
    return {};
  }

  Status add_float_layer(const Node& node) {
    Node copy = node;
    NARROW_ASSIGN(copy.inputs[0], as_float(node.inputs[0]));
    copy.output = append_value(node.output);
    float_form_[index(node.output)] = copy.output;
    result_.graph.nodes.push_back(std::move(copy));
    WeightReport report;
    report.layer = node.name;
    report.bits = 32;
    result_.report.weights.push_back(std::move(report));
    result_.report.passes.push_back(in_quotes(node.name) + " stays in float");
    return {};
  }

  Status add_integer_layer(const Node& node, int bits) {
    // Its readers, if it had any, would want integers; the scores go out as they are.
    const bool writes_scores = node.output == graph_.output;
    Node copy = node;
    NARROW_ASSIGN(copy.inputs[0], as_integer(node.inputs[0]));
    copy.output = append_value(node.output);
    FilterSetting setting;
    setting.layer = node.name;
    setting.bits = bits;
    setting.per_tensor = options_.per_tensor_weights;
    setting.input = *result_.graph.value(copy.inputs[0]).quantization;
    if (writes_scores) {
      float_form_[index(node.output)] = copy.output;
      result_.report.passes.push_back(in_quotes(node.name) + " writes float32 scores from its int32 accumulators");
    } else {
      NARROW_TRY(make_integer(node.output, copy.output));
      setting.output_scale = result_.graph.value(copy.output).quantization->scale;
      copy.clamp = Clamp{};
    }
    if (options_.correct_bias) {
      setting.expected_input = expected_input(node, graph_.value(node.inputs[0]).shape, graph_.value(node.output).shape,
                                              observations_[index(node.inputs[0])]->channel_means);
      if (!setting.expected_input.empty()) ++corrected_layers_;
    }
    Filter& filter = *filter_of(copy);
    NARROW_ASSIGN(QuantizedWeights weights, quantize_filter(filter, setting));
    filter = Filter{};
    filter.quantized = std::move(weights.filter);
    result_.report.weights.push_back(std::move(weights.report));
    for (std::string& line : weights.log) result_.report.passes.push_back(std::move(line));
    result_.graph.nodes.push_back(std::move(copy));
    return {};
  }

  // A value of the new graph with the name and shape of `id`.
  ValueId append_value(ValueId id) { return result_.graph.add_value(graph_.value(id).name, graph_.value(id).shape); }

  // Declares `form`, of the new graph, to be the uint8 form of `id`.
  Status make_integer(ValueId id, ValueId form) {
    const ValueId source = plan_.source[index(id)];
    const int bits = plan_.activation_bits[index(id)];
    NARROW_ASSIGN(
        const Quantization quantization,
        choose_quantization(*observations_[index(source)], bits, clamp_[index(source)], graph_.value(source).name));
    result_.graph.value(form).quantization = quantization;
    integer_form_[index(id)] = form;
    const Observation& seen = *observations_[index(id)];
    result_.report.tensors.push_back(TensorReport{graph_.value(id).name, seen.min, seen.max, quantization, bits});
    return {};
  }

  Result<ValueId> as_integer(ValueId id) {
    if (integer_form_[index(id)] == kNoValue) {
      NARROW_ASSIGN(const ValueId form, convert(id, ".quantize", Quantize{}, float_form_[index(id)]));
      NARROW_TRY(make_integer(id, form));
      const Quantization& q = *result_.graph.value(form).quantization;
      log_inserted(form, "Quantize", id,
                   std::to_string(plan_.activation_bits[index(id)]) + " bits, scale " + number_text(q.scale) +
                       ", zero point " + std::to_string(q.zero_point));
    }
    return integer_form_[index(id)];
  }

  Result<ValueId> as_float(ValueId id) {
    if (float_form_[index(id)] == kNoValue) {
      NARROW_ASSIGN(const ValueId form, convert(id, ".dequantize", Dequantize{}, integer_form_[index(id)]));
      float_form_[index(id)] = form;
      log_inserted(form, "Dequantize", id, "to float32");
    }
    return float_form_[index(id)];
  }

  Result<ValueId> convert(ValueId id, const char* suffix, Op op, ValueId from) {
    std::string name = graph_.value(id).name + suffix;
    while (!taken_.insert(name).second) name += "_";
    return result_.graph.add_node(name, std::move(op), {from});
  }

  void log_inserted(ValueId form, const char* op, ValueId id, const std::string& detail) {
    result_.report.passes.push_back(std::string("inserted ") + op + " " + in_quotes(result_.graph.value(form).name) +
                                    " on " + in_quotes(graph_.value(id).name) + ": " + detail);
  }

  const Graph& graph_;
  const Liveness& live_;
  const std::vector<std::optional<Observation>>& observations_;
  const QuantizeOptions& options_;
  BitPlan plan_;
  std::vector<ValueId> float_form_;    // by ValueId of the float graph
  std::vector<ValueId> integer_form_;  // likewise
  std::vector<Clamp> clamp_;           // of the node that writes it, by ValueId of the float graph
  std::unordered_set<std::string> taken_;
  int corrected_layers_ = 0;
  QuantizedGraph result_;
};

}  // namespace

Result<QuantizedGraph> quantize_graph(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                                      const QuantizeOptions& options) {
  NARROW_TRY(validate(graph));
  const Liveness live = find_live(graph);
  NARROW_TRY(check_quantizable(graph, live, observations));
  NARROW_ASSIGN(BitPlan plan, plan_bits(graph, live, options));
  return Builder(graph, live, observations, options, std::move(plan)).run();
}

}  // namespace narrow::graph
