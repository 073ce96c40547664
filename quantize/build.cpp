#include "quantize/build.h"

#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "base/unique_names.h"
#include "graph/function.h"
#include "graph/limits.h"
#include "graph/quantization.h"

namespace narrow::graph {

using base::in_quotes;
using base::number_text;

namespace {

// The representations that the values of the float graph have so far. Ids of the float graph are called `id`, those of
// the quantized graph `built`.
class Representations {
 public:
  Representations(const Graph& source, const Decisions& decisions, BuiltGraph& result)
      : source_(source),
        decisions_(decisions),
        result_(result),
        float_(source.values.size(), kNoValue),
        integer_(source.values.size(), kNoValue),
        pre_quantized_(source.values.size()) {
    for (const Value& value : source.values) names_.take(value.name);
    for (const Node& node : source.nodes) names_.take(node.name);
  }

  // A new value of the quantized graph with the name and shape of `id`.
  ValueId append(ValueId id) { return out().add_value(source_.value(id).name, source_.value(id).shape); }

  // What a node of the quantized graph writes.
  void set_float(ValueId id, ValueId built) { float_[index(id)] = built; }
  // With its quantization set already.
  void set_integer(ValueId id, ValueId built) { integer_[index(id)] = built; }
  // Takes the decided parameters.
  void set_decided(ValueId id, ValueId built) {
    out().value(built).quantization = decisions_.values[index(id)]->quantization;
    integer_[index(id)] = built;
    result_.integers.push_back({built, id, false});
  }
  // Takes the parameters of another tensor: what a lossless operator makes of it.
  void set_copy(ValueId id, ValueId built, ValueId of) {
    out().value(built).quantization = out().value(of).quantization;
    integer_[index(id)] = built;
    result_.integers.push_back({built, id, false});
  }
  // A new value with pre-quantized parameters. Its name is that of the Quantize's result.
  ValueId append_pre_quantized(ValueId id, const PreQuantized& pre_quantized) {
    const std::string& name = source_.value(source_.nodes[pre_quantized.quantize].output).name;
    const ValueId built = out().add_value(name, source_.value(id).shape);
    out().value(built).quantization = pre_quantized.quantization;
    pre_quantized_[index(id)].push_back({pre_quantized.quantization, built});
    result_.integers.push_back({built, id, true});
    return built;
  }

  // What readers require; converted where no node wrote it.
  Result<ValueId> as_integer(ValueId id) {
    if (integer_[index(id)] == kNoValue) {
      NARROW_ASSIGN(const ValueId built, convert(id, ".quantize", Quantize{}, float_[index(id)]));
      set_decided(id, built);
      const Quantization& q = *out().value(built).quantization;
      log_inserted(built, "Quantize", id,
                   std::to_string(decisions_.values[index(id)]->bits) + " bits, scale " + number_text(q.scale) +
                       ", zero point " + std::to_string(q.zero_point));
    }
    return integer_[index(id)];
  }
  Result<ValueId> as_float(ValueId id) {
    if (float_[index(id)] == kNoValue) {
      NARROW_ASSIGN(const ValueId built, convert(id, ".dequantize", Dequantize{}, integer_[index(id)]));
      float_[index(id)] = built;
      log_inserted(built, "Dequantize", id, "to float32");
    }
    return float_[index(id)];
  }
  // kNoValue where no node wrote it.
  [[nodiscard]] ValueId as_pre_quantized(ValueId id, const Quantization& quantization) const {
    for (const Tensor& tensor : pre_quantized_[index(id)]) {
      if (tensor.quantization == quantization) return tensor.built;
    }
    return kNoValue;
  }

  // A name for a node that computes `node`, of the float graph: its own, or for a second copy that of the Quantize for
  // which the copy is made.
  std::string name_for(const Node& node, const PreQuantized* pre_quantized) {
    std::string name = node.name;
    if (used_.count(name) != 0 && pre_quantized != nullptr) name = source_.nodes[pre_quantized->quantize].name;
    if (used_.count(name) != 0) name = names_.with_underscores(name + "_");
    used_.insert(name);
    return name;
  }

 private:
  struct Tensor {
    Quantization quantization;
    ValueId built = kNoValue;
  };

  Graph& out() { return result_.graph; }

  Result<ValueId> convert(ValueId id, const char* suffix, Op op, ValueId from) {
    const std::string name = names_.with_underscores(source_.value(id).name + suffix);
    used_.insert(name);
    return out().add_node(name, std::move(op), {from});
  }

  void log_inserted(ValueId built, const char* op, ValueId id, const std::string& detail) {
    result_.log.push_back({Event::Kind::kInserted, out().value(built).name,
                           std::string("inserted ") + op + " " + in_quotes(out().value(built).name) + " on " +
                               in_quotes(source_.value(id).name) + ": " + detail});
  }

  const Graph& source_;
  const Decisions& decisions_;
  BuiltGraph& result_;
  std::vector<ValueId> float_;    // by id
  std::vector<ValueId> integer_;  // by id: decided parameters, or the integers that the float graph has
  std::vector<std::vector<Tensor>> pre_quantized_;  // by id
  base::UniqueNames names_;                         // names of the float graph and those inserted
  std::unordered_set<std::string> used_;            // names of nodes in the quantized graph
};

// Visits the float graph node by node and makes all representations of each result.
class Builder {
 public:
  Builder(const Graph& graph, const Liveness& live, const RepresentationPlan& plan, const Decisions& decisions)
      : graph_(graph), live_(live), plan_(plan), decisions_(decisions), tensors_(graph, decisions, result_) {}

  Result<BuiltGraph> run() {
    Graph& out = result_.graph;
    out.input = out.add_value(graph_.value(graph_.input).name, graph_.value(graph_.input).shape);
    tensors_.set_float(graph_.input, out.input);
    NARROW_TRY(quantize_from_float(graph_.input, plan_.of_input));
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_.nodes[n]) NARROW_TRY(add(n));
      if (out.nodes.size() > kMaxNodes) return Error{ErrorCode::kLimit, "the quantized graph has too many nodes", {}};
    }
    NARROW_ASSIGN(out.output, tensors_.as_float(graph_.output));
    NARROW_TRY(validate(out));
    return std::move(result_);
  }

 private:
  Status add(std::size_t n) {
    const Node& node = graph_.nodes[n];
    if (std::holds_alternative<Quantize>(node.op)) {
      // Its result is a representation of its input.
      const ValueId built = tensors_.as_pre_quantized(node.inputs[0], *graph_.value(node.output).quantization);
      tensors_.set_integer(node.output, built);
      return {};
    }
    if (std::holds_alternative<Dequantize>(node.op)) return add_dequantize(n);
    if (graph_.value(node.output).quantization) return add_pre_quantized_node(node);
    const NodeRepresentations& node_plan = plan_.nodes[n];
    if (node_plan.in_float) NARROW_TRY(add_float_node(node));
    if (node_plan.sums_to_float) NARROW_TRY(add_sums_to_float(n));
    NARROW_TRY(quantize_from_float(node.output, node_plan.from_float));
    if (node_plan.decided) NARROW_TRY(add_integer(n, nullptr));
    for (const PreQuantized& pre_quantized : node_plan.integers) NARROW_TRY(add_integer(n, &pre_quantized));
    return {};
  }

  // The integers are there. Readers of float32 and of other parameters read what is made of them.
  Status add_dequantize(std::size_t n) {
    const Node& node = graph_.nodes[n];
    NARROW_ASSIGN(const ValueId from, tensors_.as_integer(node.inputs[0]));
    tensors_.set_integer(node.output, from);
    if (plan_.nodes[n].in_float) {
      Node copy = node;
      copy.name = tensors_.name_for(node, nullptr);
      copy.inputs = {from};
      copy.output = tensors_.append(node.output);
      tensors_.set_float(node.output, copy.output);
      push(std::move(copy));
    }
    for (const PreQuantized& pre_quantized : plan_.nodes[n].integers) {
      Node requantize;
      requantize.name = tensors_.name_for(graph_.nodes[pre_quantized.quantize], nullptr);
      requantize.op = Activation{};
      requantize.inputs = {from};
      requantize.output = tensors_.append_pre_quantized(node.output, pre_quantized);
      push(std::move(requantize));
    }
    return {};
  }

  // What the float graph has on integers already.
  Status add_pre_quantized_node(const Node& node) {
    Node copy = node;
    copy.name = tensors_.name_for(node, nullptr);
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, tensors_.as_integer(id));
    }
    copy.output = tensors_.append(node.output);
    quantization_of(copy.output) =
        is_lossless(node.op) ? quantization_of(copy.inputs[0]) : graph_.value(node.output).quantization;
    tensors_.set_integer(node.output, copy.output);
    push(std::move(copy));
    return {};
  }

  Status add_float_node(const Node& node) {
    Node copy = node;
    copy.name = tensors_.name_for(node, nullptr);
    for (ValueId& id : copy.inputs) {
      NARROW_ASSIGN(id, tensors_.as_float(id));
    }
    copy.output = tensors_.append(node.output);
    tensors_.set_float(node.output, copy.output);
    if (Filter* filter = filter_of(copy)) filter->pre_quantized.reset();
    push(std::move(copy));
    return {};
  }

  Status add_sums_to_float(std::size_t n) {
    const Node& node = graph_.nodes[n];
    Node copy = node;
    copy.name = tensors_.name_for(node, nullptr);
    NARROW_ASSIGN(copy.inputs[0], tensors_.as_integer(node.inputs[0]));
    copy.output = tensors_.append(node.output);
    tensors_.set_float(node.output, copy.output);
    set_weights(n, copy);
    push(std::move(copy));
    return {};
  }

  Status quantize_from_float(ValueId id, const std::vector<PreQuantized>& required) {
    for (const PreQuantized& pre_quantized : required) {
      NARROW_ASSIGN(const ValueId from, tensors_.as_float(id));
      Node node;
      node.name = tensors_.name_for(graph_.nodes[pre_quantized.quantize], nullptr);
      node.op = Quantize{};
      node.inputs = {from};
      node.output = tensors_.append_pre_quantized(id, pre_quantized);
      push(std::move(node));
    }
    return {};
  }

  // pre_quantized: parameters of the result; nullptr: the decided ones.
  Status add_integer(std::size_t n, const PreQuantized* pre_quantized) {
    const Node& node = graph_.nodes[n];
    Node copy = node;
    copy.name = tensors_.name_for(node, pre_quantized);
    // Lossless operators and Concat copy the representation that is required, where it exists.
    const bool copies = is_lossless(node.op) || std::holds_alternative<Concat>(node.op);
    for (std::size_t i = 0; i < copy.inputs.size(); ++i) {
      ValueId& id = copy.inputs[i];
      if (plan_.nodes[n].summed == i) {
        NARROW_ASSIGN(id, tensors_.as_float(id));
        continue;
      }
      const ValueId built =
          copies && pre_quantized != nullptr ? tensors_.as_pre_quantized(id, pre_quantized->quantization) : kNoValue;
      if (built != kNoValue) {
        id = built;
      } else {
        NARROW_ASSIGN(id, tensors_.as_integer(id));
      }
    }
    append_integer(node, pre_quantized, copy);
    if (auto* function = std::get_if<Function>(&copy.op)) {
      function->table = make_table(*function, *quantization_of(copy.inputs[0]), *quantization_of(copy.output));
    }
    set_weights(n, copy);
    push(std::move(copy));
    return {};
  }

  // Assigns an integer output to `copy` of `node`.
  void append_integer(const Node& node, const PreQuantized* pre_quantized, Node& copy) {
    if (pre_quantized != nullptr) {
      copy.output = tensors_.append_pre_quantized(node.output, *pre_quantized);
      const Quantization& to = *quantization_of(copy.output);
      if (clamped_range(to, copy.clamp) == to.range) copy.clamp = Clamp{};
      return;
    }
    copy.output = tensors_.append(node.output);
    if (is_lossless(node.op)) {
      tensors_.set_copy(node.output, copy.output, copy.inputs[0]);
    } else {
      tensors_.set_decided(node.output, copy.output);
    }
    // The output's range holds a clamp with zero in it.
    if (copy.clamp.lo <= 0.0F && copy.clamp.hi >= 0.0F) copy.clamp = Clamp{};
  }

  void set_weights(std::size_t n, Node& copy) {
    Filter* filter = filter_of(copy);
    if (filter == nullptr) return;
    *filter = Filter{};
    filter->quantized = decisions_.layers[n]->filter;
  }

  std::optional<Quantization>& quantization_of(ValueId built) { return result_.graph.value(built).quantization; }
  void push(Node node) { result_.graph.nodes.push_back(std::move(node)); }

  const Graph& graph_;
  const Liveness& live_;
  const RepresentationPlan& plan_;
  const Decisions& decisions_;
  BuiltGraph result_;
  Representations tensors_;  // builds `result_`
};

}  // namespace

Result<BuiltGraph> build(const Graph& graph, const Liveness& live, const RepresentationPlan& plan,
                         const Decisions& decisions) {
  return Builder(graph, live, plan, decisions).run();
}

}  // namespace narrow::graph
