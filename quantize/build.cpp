#include "quantize/build.h"

#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "base/unique_names.h"
#include "graph/function.h"
#include "graph/limits.h"
#include "graph/quantization.h"

namespace narrow::graph {

using base::in_quotes;
using base::number_text;

namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Which forms the values of the float graph have so far. Ids of the float graph are called `id`, those of the quantized
// graph `form`.
class Forms {
 public:
  Forms(const Graph& source, const Decisions& decisions, BuiltGraph& result)
      : source_(source),
        decisions_(decisions),
        result_(result),
        float_form_(source.values.size(), kNoValue),
        integer_form_(source.values.size(), kNoValue),
        stated_(source.values.size()) {
    for (const Value& value : source.values) names_.take(value.name);
    for (const Node& node : source.nodes) names_.take(node.name);
  }

  // A new value of the quantized graph with the name and shape of `id`.
  ValueId append(ValueId id) { return out().add_value(source_.value(id).name, source_.value(id).shape); }

  // What a node of the quantized graph writes.
  void set_float(ValueId id, ValueId form) { float_form_[index(id)] = form; }
  // With its quantization set already.
  void set_integer(ValueId id, ValueId form) { integer_form_[index(id)] = form; }
  // Takes the decided parameters.
  void set_decided(ValueId id, ValueId form) {
    out().value(form).quantization = decisions_.values[index(id)]->quantization;
    integer_form_[index(id)] = form;
    result_.integers.push_back({form, id, false});
  }
  // Takes the parameters of another form: what a lossless operator makes of it.
  void set_copy(ValueId id, ValueId form, ValueId of) {
    out().value(form).quantization = out().value(of).quantization;
    integer_form_[index(id)] = form;
    result_.integers.push_back({form, id, false});
  }
  // A new value with parameters that the file states; its name is that of the Quantize's result.
  ValueId append_stated(ValueId id, const StatedForm& stated) {
    const std::string& name = source_.value(source_.nodes[stated.quantize].output).name;
    const ValueId form = out().add_value(name, source_.value(id).shape);
    out().value(form).quantization = stated.quantization;
    stated_[index(id)].push_back({stated.quantization, form});
    result_.integers.push_back({form, id, true});
    return form;
  }

  // What readers want; converted where nobody wrote it.
  Result<ValueId> as_integer(ValueId id) {
    if (integer_form_[index(id)] == kNoValue) {
      NARROW_ASSIGN(const ValueId form, convert(id, ".quantize", Quantize{}, float_form_[index(id)]));
      set_decided(id, form);
      const Quantization& q = *out().value(form).quantization;
      log_inserted(form, "Quantize", id,
                   std::to_string(decisions_.values[index(id)]->bits) + " bits, scale " + number_text(q.scale) +
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
  // kNoValue where nobody wrote it.
  [[nodiscard]] ValueId as_stated(ValueId id, const Quantization& quantization) const {
    for (const Stated& stated : stated_[index(id)]) {
      if (stated.quantization == quantization) return stated.form;
    }
    return kNoValue;
  }

  // A name for a node that computes `node`, of the float graph: its own, or for a second copy that of the Quantize for
  // which the copy is made.
  std::string name_for(const Node& node, const StatedForm* stated) {
    std::string name = node.name;
    if (used_.count(name) != 0 && stated != nullptr) name = source_.nodes[stated->quantize].name;
    if (used_.count(name) != 0) name = names_.with_underscores(name + "_");
    used_.insert(name);
    return name;
  }

 private:
  struct Stated {
    Quantization quantization;
    ValueId form = kNoValue;
  };

  Graph& out() { return result_.graph; }

  Result<ValueId> convert(ValueId id, const char* suffix, Op op, ValueId from) {
    const std::string name = names_.with_underscores(source_.value(id).name + suffix);
    used_.insert(name);
    return out().add_node(name, std::move(op), {from});
  }

  void log_inserted(ValueId form, const char* op, ValueId id, const std::string& detail) {
    result_.log.push_back({Event::Kind::kInserted, out().value(form).name,
                           std::string("inserted ") + op + " " + in_quotes(out().value(form).name) + " on " +
                               in_quotes(source_.value(id).name) + ": " + detail});
  }

  const Graph& source_;
  const Decisions& decisions_;
  BuiltGraph& result_;
  std::vector<ValueId> float_form_;          // by id
  std::vector<ValueId> integer_form_;        // by id: decided parameters, or the integers that the float graph has
  std::vector<std::vector<Stated>> stated_;  // by id
  base::UniqueNames names_;                  // names of the float graph and those inserted
  std::unordered_set<std::string> used_;     // names of nodes in the quantized graph
};

// Goes through the float graph node by node and makes all forms of each.
class Builder {
 public:
  Builder(const Graph& graph, const Liveness& live, const FormPlan& plan, const Decisions& decisions)
      : graph_(graph), live_(live), plan_(plan), decisions_(decisions), forms_(graph, decisions, result_) {}

  Result<BuiltGraph> run() {
    Graph& out = result_.graph;
    out.input = out.add_value(graph_.value(graph_.input).name, graph_.value(graph_.input).shape);
    forms_.set_float(graph_.input, out.input);
    NARROW_TRY(quantize_from_float(graph_.input, plan_.of_input));
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_.nodes[n]) NARROW_TRY(add(n));
      if (out.nodes.size() > kMaxNodes) return Error{ErrorCode::kLimit, "the quantized graph has too many nodes", {}};
    }
    NARROW_ASSIGN(out.output, forms_.as_float(graph_.output));
    NARROW_TRY(validate(out));
    return std::move(result_);
  }

 private:
  Status add(std::size_t n) {
    const Node& node = graph_.nodes[n];
    if (std::holds_alternative<Quantize>(node.op)) {
      // Its result is a form of its input.
      const ValueId form = forms_.as_stated(node.inputs[0], *graph_.value(node.output).quantization);
      forms_.set_integer(node.output, form);
      return {};
    }
    if (std::holds_alternative<Dequantize>(node.op)) return add_dequantize(n);
    if (graph_.value(node.output).quantization) return add_stated_node(node);
    const NodeForms& forms = plan_.nodes[n];
    if (forms.in_float) NARROW_TRY(add_float_node(node));
    if (forms.sums_to_float) NARROW_TRY(add_sums_to_float(n));
    NARROW_TRY(quantize_from_float(node.output, forms.from_float));
    if (forms.decided) NARROW_TRY(add_integer(n, nullptr));
    for (const StatedForm& stated : forms.integers) NARROW_TRY(add_integer(n, &stated));
    return {};
  }

  // The integers are there. Readers of float32 and of other parameters get their forms from them.
  Status add_dequantize(std::size_t n) {
    const Node& node = graph_.nodes[n];
    NARROW_ASSIGN(const ValueId from, forms_.as_integer(node.inputs[0]));
    forms_.set_integer(node.output, from);
    if (plan_.nodes[n].in_float) {
      Node copy = node;
      copy.name = forms_.name_for(node, nullptr);
      copy.inputs = {from};
      copy.output = forms_.append(node.output);
      forms_.set_float(node.output, copy.output);
      push(std::move(copy));
    }
    for (const StatedForm& stated : plan_.nodes[n].integers) {
      Node requantize;
      requantize.name = forms_.name_for(graph_.nodes[stated.quantize], nullptr);
      requantize.op = Activation{};
      requantize.inputs = {from};
      requantize.output = forms_.append_stated(node.output, stated);
      push(std::move(requantize));
    }
    return {};
  }

  // What the float graph has on integers already.
  Status add_stated_node(const Node& node) {
    Node copy = node;
    copy.name = forms_.name_for(node, nullptr);
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, forms_.as_integer(id));
    }
    copy.output = forms_.append(node.output);
    quantization_of(copy.output) =
        is_lossless(node.op) ? quantization_of(copy.inputs[0]) : graph_.value(node.output).quantization;
    forms_.set_integer(node.output, copy.output);
    push(std::move(copy));
    return {};
  }

  Status add_float_node(const Node& node) {
    Node copy = node;
    copy.name = forms_.name_for(node, nullptr);
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, forms_.as_float(id));
    }
    copy.output = forms_.append(node.output);
    forms_.set_float(node.output, copy.output);
    if (Filter* filter = filter_of(copy)) filter->codes.reset();
    push(std::move(copy));
    return {};
  }

  Status add_sums_to_float(std::size_t n) {
    const Node& node = graph_.nodes[n];
    Node copy = node;
    copy.name = forms_.name_for(node, nullptr);
    NARROW_ASSIGN(copy.inputs[0], forms_.as_integer(node.inputs[0]));
    copy.output = forms_.append(node.output);
    forms_.set_float(node.output, copy.output);
    set_weights(n, copy);
    push(std::move(copy));
    return {};
  }

  Status quantize_from_float(ValueId id, const std::vector<StatedForm>& wanted) {
    for (const StatedForm& stated : wanted) {
      NARROW_ASSIGN(const ValueId from, forms_.as_float(id));
      Node node;
      node.name = forms_.name_for(graph_.nodes[stated.quantize], nullptr);
      node.op = Quantize{};
      node.inputs = {from};
      node.output = forms_.append_stated(id, stated);
      push(std::move(node));
    }
    return {};
  }

  // stated: parameters of the result; nullptr: the decided ones.
  Status add_integer(std::size_t n, const StatedForm* stated) {
    const Node& node = graph_.nodes[n];
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
    append_integer(node, stated, copy);
    if (auto* function = std::get_if<Function>(&copy.op)) {
      function->table = make_table(*function, *quantization_of(copy.inputs[0]), *quantization_of(copy.output));
    }
    set_weights(n, copy);
    push(std::move(copy));
    return {};
  }

  // Gives `copy` of `node` an integer output.
  void append_integer(const Node& node, const StatedForm* stated, Node& copy) {
    if (stated != nullptr) {
      copy.output = forms_.append_stated(node.output, *stated);
      const Quantization& to = *quantization_of(copy.output);
      if (clamped_range(to, copy.clamp) == to.range) copy.clamp = Clamp{};
      return;
    }
    copy.output = forms_.append(node.output);
    copy.clamp = Clamp{};  // the output's range says it
    if (is_lossless(node.op)) {
      forms_.set_copy(node.output, copy.output, copy.inputs[0]);
    } else {
      forms_.set_decided(node.output, copy.output);
    }
  }

  void set_weights(std::size_t n, Node& copy) {
    Filter* filter = filter_of(copy);
    if (filter == nullptr) return;
    *filter = Filter{};
    filter->quantized = decisions_.layers[n]->filter;
  }

  std::optional<Quantization>& quantization_of(ValueId form) { return result_.graph.value(form).quantization; }
  void push(Node node) { result_.graph.nodes.push_back(std::move(node)); }

  const Graph& graph_;
  const Liveness& live_;
  const FormPlan& plan_;
  const Decisions& decisions_;
  BuiltGraph result_;
  Forms forms_;  // builds `result_`
};

}  // namespace

Result<BuiltGraph> build(const Graph& graph, const Liveness& live, const FormPlan& plan, const Decisions& decisions) {
  return Builder(graph, live, plan, decisions).run();
}

}  // namespace narrow::graph
