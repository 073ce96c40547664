// Values that are quantized twice in the same way are quantized once.
//
// This is exact: dequantized integers divided by their own scale return the integers, because s * q has a relative
// error of 2^-24 and q is below 256. So Quantize after Dequantize with the same scale and zero point only clamps to its
// range. If that contains the range of the dequantized values, nothing changes. Otherwise one Quantize with both ranges
// does the work.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "rewrites/pre_quantized.h"

namespace narrow::graph {
namespace {

class Merger {
 public:
  explicit Merger(Graph& graph) : graph_(graph), links_(graph) {}

  PassLog run() {
    ValueMap<ValueId> stands_for = each_to_itself(graph_.values.size());
    for (Node& node : graph_.nodes) {
      for (ValueId& id : node.inputs) id = stands_for[id];
      if (!is<Quantize>(node.op)) continue;
      const ValueId same = find_same(node);
      if (same != kNoValue) stands_for[node.output] = same;
    }
    return std::move(log_);
  }

 private:
  using Key = std::tuple<ValueId, float, std::int32_t, std::int32_t, std::int32_t>;

  // A value with the same integers as the output of this Quantize. kNoValue: the node stays, perhaps with another
  // input.
  ValueId find_same(Node& node) {
    Quantization& to = *graph_.value(node.output).quantization;
    if (const Node* dequantize = maker<Dequantize>(node.inputs[0])) {
      const ValueId from = dequantize->inputs[0];
      const Quantization& already = *graph_.value(from).quantization;
      if (already.scale == to.scale && already.zero_point == to.zero_point) {
        if (to.range.contains(already.range)) {
          log_.push_back(
              {Event::Kind::kRemoved, node.name,
               "removed " + describe(node) + ", which quantizes as '" + graph_.value(from).name + "' already is"});
          return from;
        }
        const QRange both{std::max(to.range.lo, already.range.lo), std::min(to.range.hi, already.range.hi)};
        const Node* first = maker<Quantize>(from);
        if (first != nullptr && links_.is_private(from) && links_.is_private(node.inputs[0]) && both.lo < both.hi) {
          log_.push_back({Event::Kind::kMerged, first->name, "merged " + describe(*first) + " into " + describe(node)});
          node.inputs = first->inputs;
          to.range = both;
        }
      }
    }
    const Key key{node.inputs[0], to.scale, to.zero_point, to.range.lo, to.range.hi};
    const auto [it, is_new] = seen_.emplace(key, node.output);
    if (is_new) return kNoValue;
    log_.push_back({Event::Kind::kRemoved, node.name,
                    "removed " + describe(node) + ", which is the same as '" + graph_.value(it->second).name + "'"});
    return it->second;
  }

  // The node that computes the value, if it has this operator; else nullptr.
  template <class Op>
  [[nodiscard]] const Node* maker(ValueId id) const {
    const int n = links_.producer(id);
    if (n < 0) return nullptr;
    const Node& node = graph_.nodes[static_cast<std::size_t>(n)];
    return is<Op>(node.op) ? &node : nullptr;
  }

  Graph& graph_;
  Links links_;
  std::map<Key, ValueId> seen_;  // the outputs of Quantize nodes, by input and parameters
  PassLog log_;
};

}  // namespace

PassLog merge_quantizes(Graph& graph) { return Merger(graph).run(); }

}  // namespace narrow::graph
