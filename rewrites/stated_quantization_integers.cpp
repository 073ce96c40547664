// Integer copies of what is stated in integers, for a model without calibration.
//
// A Quantize whose input is computed from dequantized values becomes that computation on the integers: the same formula
// up to float rounding, because all its inputs are exactly scale * integer. What only float readers are left for stays.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/function.h"
#include "graph/validate_parts.h"
#include "rewrites/stated_quantization.h"
#include "rewrites/stated_quantization_codes.h"

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// So many copies of one computation, one for each quantization of its result, and no more: weights are copied with it.
constexpr int kMaxCopies = 16;

std::string named(const Node& node) { return "'" + node.name + "' (" + std::string(op_name(node.op)) + ")"; }

class IntegerGraph {
 public:
  explicit IntegerGraph(const Graph& graph) : graph_(graph), producer_(producers(graph_)) {}

  Result<PartlyIntegerGraph> run() {
    read_integers();
    for (Node& node : graph_.nodes) {
      if (std::holds_alternative<Quantize>(node.op)) copy_producer(node);
    }
    remove_dead(graph_);
    rename_copies();
    read_integers();
    for (Node& node : graph_.nodes) {
      if (filter_of(node) != nullptr) read_in_float(node);
    }
    remove_dead(graph_);
    read_integers();
    describe_all();
    for (Node& node : graph_.nodes) {
      if (Filter* filter = filter_of(node)) filter->codes.reset();
    }
    NARROW_TRY(validate(graph_));
    return PartlyIntegerGraph{std::move(graph_), std::move(log_)};
  }

 private:
  // Which values are outputs of a Dequantize, and of what.
  void read_integers() {
    integers_.assign(graph_.values.size(), kNoValue);
    for (const Node& node : graph_.nodes) {
      if (std::holds_alternative<Dequantize>(node.op)) integers_[index(node.output)] = node.inputs[0];
    }
  }

  [[nodiscard]] bool reads_integers(const Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [this](ValueId id) { return integers_[index(id)] != kNoValue; });
  }

  // Replaces a Quantize by an integer copy of the node that makes its input, if there is one.
  void copy_producer(Node& quantize) {
    const int p = producer_[index(quantize.inputs[0])];
    if (p < 0) return;
    const Node& from = graph_.nodes[static_cast<std::size_t>(p)];
    Node copy;
    if (std::holds_alternative<Dequantize>(from.op)) {
      copy.op = Activation{};  // to another scale
      copy.inputs = from.inputs;
    } else {
      if (!reads_integers(from) || is_float_only(from.op) || !may_copy(from)) return;
      copy = from;
      for (ValueId& id : copy.inputs) id = integers_[index(id)];
    }
    copy.name = quantize.name;
    copy.output = quantize.output;
    const Quantization& to = *graph_.value(copy.output).quantization;
    if (clamped_range(to, copy.clamp) == to.range) copy.clamp = Clamp{};
    if (auto* function = std::get_if<Function>(&copy.op)) {
      function->table = make_table(*function, *graph_.value(copy.inputs[0]).quantization, to);
    }
    if (!make_integer(copy, from)) return;
    copies_.emplace_back(copy.name, from.name);
    quantize = std::move(copy);
  }

  // Its weights are stated in integers, or it has none.
  bool may_copy(const Node& from) {
    const Filter* filter = filter_of(from);
    if (filter == nullptr) return true;
    if (!filter->codes) return false;
    if (++copies_of_[from.name] <= kMaxCopies) return true;
    why_[from.name] = "its result is quantized in more than " + std::to_string(kMaxCopies) + " ways";
    return false;
  }

  // A layer with codes that reads integers and is read in float: float32 from its accumulators.
  void read_in_float(Node& layer) {
    if (!filter_of(layer)->codes || !reads_integers(layer)) return;
    Node copy = layer;
    copy.inputs[0] = integers_[index(layer.inputs[0])];
    if (make_integer(copy, layer)) layer = std::move(copy);
  }

  // Gives a node that reads integers its integer weights. False: int32 or a multiplier can't hold what is stated.
  bool make_integer(Node& copy, const Node& original) {
    if (Filter* filter = filter_of(copy)) {
      auto quantized = stated_filter(*filter, *graph_.value(copy.inputs[0]).quantization);
      if (!quantized.ok()) {
        why_[original.name] = quantized.error().message;
        return false;
      }
      *filter = Filter{};
      filter->quantized = std::move(*quantized);
    }
    const Status valid = check_types(graph_, copy);
    if (!valid.ok()) why_[original.name] = valid.error().message;
    return valid.ok();
  }

  // The first copy of a node that is gone has its name.
  void rename_copies() {
    std::unordered_set<std::string> left;
    for (const Node& node : graph_.nodes) left.insert(node.name);
    std::unordered_map<std::string, std::string> renamed;
    for (const auto& [copy, original] : copies_) {
      if (left.insert(original).second) renamed[copy] = original;
    }
    for (Node& node : graph_.nodes) {
      if (const auto it = renamed.find(node.name); it != renamed.end()) node.name = it->second;
    }
  }

  [[nodiscard]] std::string reason(const Node& node) const {
    if (const auto it = why_.find(node.name); it != why_.end()) return it->second;
    if (is_float_only(node.op)) return "it has no integer form";
    const Filter* filter = filter_of(node);
    if (filter != nullptr && !filter->codes) return "no integer weights are stated for it";
    if (!reads_integers(node)) return "no quantization of its input is stated";
    return "no quantization of its output is stated";
  }

  // A model holds float weights without the integers that they are multiples of.
  static std::string codes_lost(const Node& node) {
    return named(node) +
           " loses the integers of its weights, which are stored as float32; narrow quantize on the "
           "original file keeps them";
  }

  void describe_all() {
    std::size_t in_integers = 0;
    std::size_t all = 0;
    std::vector<std::string> in_float;
    std::vector<std::string> lost;
    for (const Node& node : graph_.nodes) {
      const bool converts = std::holds_alternative<Quantize>(node.op) || std::holds_alternative<Dequantize>(node.op);
      if (converts) continue;
      ++all;
      const Filter* filter = filter_of(node);
      const bool is_integer =
          graph_.value(node.output).quantization.has_value() || (filter != nullptr && filter->quantized);
      if (is_integer) {
        ++in_integers;
      } else {
        in_float.push_back(named(node) + " runs in float32: " + reason(node));
        if (filter != nullptr && filter->codes) lost.push_back(codes_lost(node));
      }
    }
    if (!has_stated_quantization(graph_)) {
      log_.push_back("all " + std::to_string(all) + " nodes run in float32: " +
                     (lost.empty() ? "nothing is stated in integers" : "no activation is stated in integers"));
    } else {
      log_.push_back(std::to_string(in_integers) + " of " + std::to_string(all) + " nodes run in integers, as stated");
      log_.insert(log_.end(), std::make_move_iterator(in_float.begin()), std::make_move_iterator(in_float.end()));
    }
    log_.insert(log_.end(), std::make_move_iterator(lost.begin()), std::make_move_iterator(lost.end()));
  }

  Graph graph_;
  std::vector<int> producer_;
  std::vector<ValueId> integers_;  // by ValueId: what a Dequantize makes it of; none for all others
  std::vector<std::pair<std::string, std::string>> copies_;  // names of copies and originals
  std::unordered_map<std::string, int> copies_of_;           // by name of the original
  std::unordered_map<std::string, std::string> why_;         // stays in float, by name
  std::vector<std::string> log_;
};

}  // namespace

Result<PartlyIntegerGraph> integer_where_stated(const Graph& graph) {
  NARROW_TRY(validate(graph));
  Graph moved = graph;
  static_cast<void>(move_dequantize_past_concats(moved));  // what runs in integers is logged, not how it got there
  remove_dead(moved);
  return IntegerGraph(moved).run();
}

}  // namespace narrow::graph
