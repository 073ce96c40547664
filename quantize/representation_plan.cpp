#include "quantize/representation_plan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace narrow::graph {
namespace {

// What the readers of a float value ask for.
struct Needs {
  bool as_float = false;
  bool as_integer = false;         // with decided parameters
  std::vector<StatedForm> stated;  // all different
};

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Walks from the output to the input: when a node is reached, all that its readers need is known.
class Walk {
 public:
  Walk(const Graph& graph, const Liveness& live, const std::vector<bool>& float_layers,
       const std::vector<bool>& writes_float)
      : graph_(graph),
        live_(live),
        float_layers_(float_layers),
        writes_float_(writes_float),
        needs_(graph.values.size()),
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

  Result<FormPlan> run() {
    needs(graph_.output).as_float = true;
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      if (live_.nodes[n]) NARROW_TRY(visit(n));
    }
    plan_.of_input = needs(graph_.input).stated;
    plan_.needs_decision[index(graph_.input)] = needs(graph_.input).as_integer;
    return std::move(plan_);
  }

 private:
  Needs& needs(ValueId id) { return needs_[index(id)]; }

  Status visit(std::size_t n) {
    const Node& node = graph_.nodes[n];
    const Needs out = needs(node.output);
    if (const auto& stated = graph_.value(node.output).quantization) {
      // What is uint8 already stays as it is, down to the Quantize that makes it.
      return std::holds_alternative<Quantize>(node.op) ? add(node.inputs[0], {*stated, n}) : Status{};
    }
    NodeForms& forms = plan_.nodes[n];
    if (std::holds_alternative<Dequantize>(node.op)) {
      forms.in_float = out.as_float;
      forms.integers = out.stated;
      return {};
    }
    const bool only_float = !out.as_integer && out.stated.empty();
    // A float32 tensor that is wanted in float32 is not made integer on the way.
    const bool stays_float = is_lossless(node.op) && born_float_[index(node.inputs[0])] && only_float;
    if (is_float_only(node.op) || float_layers_[n] || stays_float) {
      forms.in_float = true;
      forms.from_float = out.stated;
      plan_.needs_decision[index(node.output)] = out.as_integer;
      for (const ValueId id : node.inputs) needs(id).as_float = true;
      return {};
    }
    // Lossless operators and Concat only copy: rounding to stated parameters may as well happen before them.
    const bool copies = is_lossless(node.op) || std::holds_alternative<Concat>(node.op);
    const bool decided = out.as_integer || out.as_float;
    forms.integers = out.stated;
    if (filter_of(node) != nullptr && writes_float_[n]) {
      forms.sums_to_float = true;
      plan_.needs_decision[index(node.output)] = out.as_integer;
    } else {
      forms.decided = decided;
      plan_.needs_decision[index(node.output)] = decided && !is_lossless(node.op);
    }
    for (const ValueId id : node.inputs) {
      if (!copies || decided) needs(id).as_integer = true;
      if (!copies || (std::holds_alternative<Concat>(node.op) && dequantized_[index(id)])) continue;
      for (const StatedForm& form : out.stated) NARROW_TRY(add(id, form));
    }
    return {};
  }

  Status add(ValueId id, const StatedForm& form) {
    std::vector<StatedForm>& stated = needs(id).stated;
    const bool known = std::any_of(stated.begin(), stated.end(),
                                   [&](const StatedForm& other) { return other.quantization == form.quantization; });
    if (known) return {};
    if (stated.size() == kMaxStatedForms) {
      return Error{ErrorCode::kLimit,
                   "is quantized in more than " + std::to_string(kMaxStatedForms) +
                       " different ways; each would be computed on its own",
                   graph_.value(id).name};
    }
    stated.push_back(form);
    return {};
  }

  const Graph& graph_;
  const Liveness& live_;
  const std::vector<bool>& float_layers_;
  const std::vector<bool>& writes_float_;
  std::vector<Needs> needs_;       // by ValueId
  std::vector<bool> born_float_;   // by ValueId: its producer writes float32
  std::vector<bool> dequantized_;  // by ValueId: its producer is a Dequantize
  FormPlan plan_;
};

}  // namespace

std::vector<bool> find_float_writers(const Graph& graph, const Liveness& live) {
  std::vector<bool> read_in_float(graph.values.size(), false);
  std::vector<bool> read_otherwise(graph.values.size(), false);
  read_in_float[index(graph.output)] = true;
  std::vector<bool> writers(graph.nodes.size(), false);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    const std::size_t out = index(node.output);
    const bool only_float = read_in_float[out] && !read_otherwise[out];
    writers[n] = filter_of(node) != nullptr && (only_float || node.output == graph.output);
    const bool reads_float = is_float_only(node.op) || (moves_no_byte(node.op) && only_float);
    for (const ValueId id : node.inputs) (reads_float ? read_in_float : read_otherwise)[index(id)] = true;
  }
  return writers;
}

Result<FormPlan> plan_forms(const Graph& graph, const Liveness& live, const std::vector<bool>& float_layers,
                            const std::vector<bool>& writes_float) {
  return Walk(graph, live, float_layers, writes_float).run();
}

}  // namespace narrow::graph
