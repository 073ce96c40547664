#include "quantize/quantize_graph.h"

#include <algorithm>
#include <string>
#include <utility>

#include "graph/function.h"
#include "graph/limits.h"
#include "graph/liveness.h"
#include "quantize/bit_plan.h"
#include "quantize/forms.h"
#include "quantize/layer_weights.h"
#include "quantize/needs.h"
#include "quantize/quantizable.h"
#include "quantize/quotes.h"
#include "rewrites/stated_quantization_codes.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Builds the quantized graph node by node, each in all the forms that its readers need.
class Builder {
 public:
  Builder(const Graph& graph, const Liveness& live, const std::vector<std::optional<Observation>>& observations,
          const QuantizeOptions& options, const BitPlan& bits, const NeedPlan& needs)
      : graph_(graph),
        live_(live),
        observations_(observations),
        bits_(bits),
        needs_(needs),
        forms_(graph, observations, bits, result_.graph, result_.report),
        weights_(graph, observations, options, bits, result_) {
    result_.report.passes = bits.log;
  }

  Result<QuantizedGraph> run() {
    Graph& out = result_.graph;
    out.input = out.add_value(graph_.value(graph_.input).name, graph_.value(graph_.input).shape);
    forms_.declare_float(graph_.input, out.input);
    NARROW_TRY(quantize_as_stated(graph_.input));
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_.nodes[n]) NARROW_TRY(add(n));
      if (out.nodes.size() > kMaxNodes) return Error{ErrorCode::kLimit, "the quantized graph has too many nodes", {}};
    }
    NARROW_ASSIGN(out.output, forms_.as_float(graph_.output));
    for (const auto& observation : observations_) {
      if (observation) result_.report.pictures = std::max<std::size_t>(result_.report.pictures, observation->pictures);
    }
    summarise();
    NARROW_TRY(validate(out));
    return std::move(result_);
  }

 private:
  void log(std::string line) { result_.report.passes.push_back(std::move(line)); }

  void summarise() {
    weights_.summarise();
    if (forms_.joined() > 0) {
      log("unified the scales of concatenations with " + std::to_string(forms_.joined()) +
          " of their inputs, which nobody else reads");
    }
  }

  Status add(std::size_t n) {
    const Node& node = graph_.nodes[n];
    const Needs& needs = needs_.values[index(node.output)];
    if (std::holds_alternative<Quantize>(node.op)) {
      const ValueId form = forms_.as_stated(node.inputs[0], *graph_.value(node.output).quantization);
      forms_.declare_integer(node.output, form);
      return {};
    }
    if (std::holds_alternative<Dequantize>(node.op)) return add_dequantize(node, needs);
    if (graph_.value(node.output).quantization) return add_stated_node(node);
    if (needs_.in_float[n]) return add_float_node(node);
    if (filter_of(node) != nullptr && bits_.writes_float[n]) {
      NARROW_TRY(add_layer(n, kFloat32, nullptr));
    } else if (needs.as_integer || needs.as_float) {
      NARROW_TRY(add_integer(n, nullptr));
    }
    for (const StatedForm& stated : needs.stated) NARROW_TRY(add_integer(n, &stated));
    return {};
  }

  // The integers are there; float32 readers and readers with other parameters get their forms from them.
  Status add_dequantize(const Node& node, const Needs& needs) {
    NARROW_ASSIGN(const ValueId from, forms_.as_integer(node.inputs[0]));
    forms_.declare_integer(node.output, from);
    if (needs.as_float) {
      Node copy = node;
      copy.name = forms_.name_for(node, nullptr);
      copy.inputs = {from};
      copy.output = forms_.append(node.output);
      forms_.declare_float(node.output, copy.output);
      result_.graph.nodes.push_back(std::move(copy));
    }
    for (const StatedForm& stated : needs.stated) {
      Node requantize;
      requantize.name = forms_.name_for(graph_.nodes[stated.quantize], nullptr);
      requantize.op = Activation{};
      requantize.inputs = {from};
      append_stated(node, stated, requantize);
      result_.graph.nodes.push_back(std::move(requantize));
    }
    return {};
  }

  // What the float graph has on uint8 already.
  Status add_stated_node(const Node& node) {
    Node copy = node;
    copy.name = forms_.name_for(node, nullptr);
    NARROW_ASSIGN(copy.inputs[0], forms_.as_integer(node.inputs[0]));
    copy.output = forms_.append(node.output);
    result_.graph.value(copy.output).quantization = is_lossless(node.op)
                                                        ? result_.graph.value(copy.inputs[0]).quantization
                                                        : graph_.value(node.output).quantization;
    forms_.declare_integer(node.output, copy.output);
    result_.graph.nodes.push_back(std::move(copy));
    return {};
  }

  Status add_float_node(const Node& node) {
    Node copy = node;
    copy.name = forms_.name_for(node, nullptr);
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, forms_.as_float(id));
    }
    copy.output = forms_.append(node.output);
    forms_.declare_float(node.output, copy.output);
    if (Filter* filter = filter_of(copy)) {
      filter->codes.reset();
      WeightReport report;
      report.layer = node.name;
      report.bits = 32;
      result_.report.weights.push_back(std::move(report));
      log(in_quotes(node.name) + " stays in float");
    } else if (is_float_only(node.op)) {
      log(in_quotes(node.name) + " (" + std::string(op_name(node.op)) + ") runs in float32: it has no integer form");
    }
    result_.graph.nodes.push_back(std::move(copy));
    return quantize_as_stated(node.output);
  }

  Status quantize_as_stated(ValueId id) {
    for (const StatedForm& stated : needs_.values[index(id)].stated) NARROW_TRY(forms_.quantize_as_stated(id, stated));
    return {};
  }

  // stated: parameters of the result; nullptr: calibrated ones.
  Status add_integer(std::size_t n, const StatedForm* stated) {
    const Node& node = graph_.nodes[n];
    if (filter_of(node) != nullptr) return add_layer(n, kInteger, stated);
    Node copy = node;
    copy.name = forms_.name_for(node, stated);
    // Lossless operators and Concat copy the form that is asked for, if there is one.
    const bool copies = is_lossless(node.op) || std::holds_alternative<Concat>(node.op);
    for (ValueId& id : copy.inputs) {
      const ValueId form = copies && stated != nullptr ? forms_.as_stated(id, stated->quantization) : kNoValue;
      if (form != kNoValue) {
        id = form;
      } else {
        NARROW_ASSIGN(id, forms_.as_integer(id));
      }
    }
    NARROW_TRY(append_integer(node, stated, copy));
    if (auto* function = std::get_if<Function>(&copy.op)) {
      function->table = make_table(*function, *result_.graph.value(copy.inputs[0]).quantization,
                                   *result_.graph.value(copy.output).quantization);
    }
    result_.graph.nodes.push_back(std::move(copy));
    return {};
  }

  // Gives `copy` of `node` a uint8 output.
  Status append_integer(const Node& node, const StatedForm* stated, Node& copy) {
    if (stated != nullptr) {
      append_stated(node, *stated, copy);
      const Quantization& to = *result_.graph.value(copy.output).quantization;
      if (clamped_range(to, copy.clamp) == to.range) copy.clamp = Clamp{};
      return {};
    }
    copy.output = forms_.append(node.output);
    copy.clamp = Clamp{};  // the output's range says it
    if (!is_lossless(node.op)) return forms_.declare_calibrated(node.output, copy.output);
    forms_.declare_copy(node.output, copy.output, copy.inputs[0]);
    return {};
  }

  void append_stated(const Node& node, const StatedForm& stated, Node& copy) {
    Graph& out = result_.graph;
    copy.output =
        out.add_value(graph_.value(graph_.nodes[stated.quantize].output).name, graph_.value(node.output).shape);
    out.value(copy.output).quantization = stated.quantization;
    forms_.declare_stated(node.output, stated, copy.output);
  }

  enum Writes { kInteger, kFloat32 };

  Status add_layer(std::size_t n, Writes writes, const StatedForm* stated) {
    const Node& node = graph_.nodes[n];
    Node copy = node;
    copy.name = forms_.name_for(node, stated);
    const bool is_first = copy.name == node.name;  // of its copies: what is reported
    NARROW_ASSIGN(copy.inputs[0], forms_.as_integer(node.inputs[0]));
    if (writes == kFloat32) {
      copy.output = forms_.append(node.output);
      forms_.declare_float(node.output, copy.output);
      log(in_quotes(node.name) + (node.output == graph_.output
                                      ? " writes float32 scores from its int32 accumulators"
                                      : " writes float32 from its int32 accumulators, as its readers take only that"));
    } else {
      NARROW_TRY(append_integer(node, stated, copy));
    }
    NARROW_TRY(weights_.give(n, copy, is_first));
    result_.graph.nodes.push_back(std::move(copy));
    return {};
  }

  const Graph& graph_;
  const Liveness& live_;
  const std::vector<std::optional<Observation>>& observations_;
  const BitPlan& bits_;
  const NeedPlan& needs_;
  QuantizedGraph result_;
  Forms forms_;           // build `result_`
  LayerWeights weights_;  // likewise
};

}  // namespace

Result<QuantizedGraph> quantize_graph(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                                      const QuantizeOptions& options) {
  NARROW_TRY(validate(graph));
  const Liveness live = find_live(graph);
  NARROW_TRY(check_quantizable(graph, live, observations));
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, options));
  NARROW_ASSIGN(const NeedPlan needs, plan_needs(graph, live, bits.in_float, bits.writes_float));
  return Builder(graph, live, observations, options, bits, needs).run();
}

}  // namespace narrow::graph
