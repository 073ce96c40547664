#include "rewrites/fold_pads.h"

#include <algorithm>

#include "graph/operators.h"

namespace narrow::graph {
namespace {

// The limit keeps the search for a sign short in any graph.
constexpr int kMaxPadSteps = 256;

// Finds whether no element of a value can be below zero, from clamps, functions and ranges.
class SignSearch {
 public:
  SignSearch(const Graph& graph, const Links& links) : graph_(graph), links_(links) {}

  bool is_nonnegative(ValueId value) {
    if (++steps_ > kMaxPadSteps) return false;
    if (const auto& q = graph_.value(value).quantization; q && q->range.lo >= q->zero_point) return true;
    const int index = links_.producer(value);
    if (index < 0) return false;
    const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
    if (node.clamp.lo >= 0) return true;
    if (const auto* function = std::get_if<Function>(&node.op)) {
      return row_of(function->kind).is_nonnegative;
    }
    if (is<Softmax>(node.op) || is<LogSoftmax>(node.op)) return true;
    return keeps_sign(node) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), [this](ValueId input) { return is_nonnegative(input); });
  }

 private:
  // Operators whose outputs are not negative if their inputs are not.
  static bool keeps_sign(const Node& node) {
    if (node.clamp.hi < 0) return false;
    return is_lossless(node.op) ||
           is<Activation, AveragePool, GlobalAveragePool, Concat, Add, Multiply, Maximum, Minimum>(node.op) ||
           row_of(node.op).has(kConverts);
  }

  const Graph& graph_;
  const Links& links_;
  int steps_ = 0;
};

// The window that can pad instead of a Pad that reads `unpadded`; nullptr if there is none.
Window* window_for_pad(const Graph& graph, const Links& links, Op& op, ValueId unpadded) {
  if (auto* convolution = std::get_if<Convolution>(&op)) return &convolution->window;
  if (auto* average = std::get_if<AveragePool>(&op)) {
    const bool counts_all = average->count_include_pad || average->window.pad == Padding{};
    return counts_all ? &average->window : nullptr;
  }
  auto* max = std::get_if<MaxPool>(&op);
  return max != nullptr && SignSearch(graph, links).is_nonnegative(unpadded) ? &max->window : nullptr;
}

// Adds the padding of a Pad that reads `unpadded` to the node's own. Returns false, without a change, if that is not
// possible.
bool absorb(const Graph& graph, const Links& links, Node& node, const Padding& pad, ValueId unpadded) {
  Window* window = window_for_pad(graph, links, node.op, unpadded);
  if (window == nullptr) return false;
  const Padding own = window->pad;
  window->pad = {own.top + pad.top, own.left + pad.left, own.bottom + pad.bottom, own.right + pad.right};
  if (!infer_shape(node.op, {graph.value(unpadded).shape}).ok()) {
    window->pad = own;
    return false;
  }
  if (auto* average = std::get_if<AveragePool>(&node.op)) average->count_include_pad = true;
  return true;
}

}  // namespace

PassLog fold_pads(Graph& graph) {
  PassLog log;
  Links links(graph);
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    Node& node = graph.nodes[static_cast<std::size_t>(i)];
    // The reader of the padded value: the node, or the Dequantize before it.
    int reader = i;
    if (const auto dequantize = made_by<Dequantize>(graph, links, node.inputs[0]);
        dequantize && links.is_private(node.inputs[0])) {
      reader = dequantize.node;
    }
    const auto pad = made_by<Pad>(graph, links, graph.nodes[static_cast<std::size_t>(reader)].inputs[0]);
    if (!pad) continue;
    const Node& pad_node = graph.nodes[static_cast<std::size_t>(pad.node)];
    const ValueId unpadded = pad_node.inputs[0];
    if (!absorb(graph, links, node, pad.op->pad, unpadded)) continue;
    links.rewire(reader, {unpadded});
    if (reader != i) graph.value(node.inputs[0]).shape = graph.value(unpadded).shape;
    log.push_back({Event::Kind::kFolded, pad_node.name, "folded " + describe(pad_node) + " into " + describe(node)});
  }
  return log;
}

}  // namespace narrow::graph
