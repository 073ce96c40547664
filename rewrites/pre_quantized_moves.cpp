// Moves Quantize before lossless operators and Dequantize after them, so that these run on integers.
//
// This is exact: Quantize and Dequantize are monotone and act on each element alone, so they commute with moving
// elements and with a maximum. A padded zero is the zero point on one side and 0.0 on the other, and each becomes the
// other without rounding. A Concat of values with the same quantization only moves elements too, and quantizing what is
// quantized in the same way changes nothing.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/limits.h"
#include "rewrites/fresh_names.h"
#include "rewrites/pre_quantized.h"

namespace narrow::graph {
namespace {

ValueId add_quantized(Graph& graph, std::string name, const TensorShape& shape, const Quantization& quantization) {
  graph.values.push_back(Value{std::move(name), shape, quantization});
  return static_cast<ValueId>(graph.values.size() - 1);
}

// Copies of nodes. A copy takes the name of its original if the original is removed.
class Copies {
 public:
  void add(const std::string& copy, const std::string& original) { copies_.emplace_back(copy, original); }

  void rename(Graph& graph) const {
    std::unordered_set<std::string> left;
    for (const Node& node : graph.nodes) left.insert(node.name);
    std::unordered_map<std::string, std::string> renamed;
    for (const auto& [copy, original] : copies_) {
      if (left.count(copy) != 0 && left.insert(original).second) renamed[copy] = original;
    }
    for (Node& node : graph.nodes) {
      if (const auto it = renamed.find(node.name); it != renamed.end()) node.name = it->second;
    }
  }

 private:
  std::vector<std::pair<std::string, std::string>> copies_;
};

// The integers that each input of a node is dequantized from. Empty if an input is not dequantized or the inputs differ
// in quantization. integers: the input of each Dequantize, by its output.
std::vector<ValueId> integers_behind(const Graph& graph, const Node& node, const ValueMap<ValueId>& integers) {
  std::vector<ValueId> moved;
  for (const ValueId input : node.inputs) {
    const ValueId from = integers[input];
    if (from == kNoValue) return {};
    if (!moved.empty() && graph.value(from).quantization != graph.value(moved[0]).quantization) return {};
    moved.push_back(from);
  }
  return moved;
}

// Lets nodes that only move elements run on integers. moves: whether a node does.
template <class Moves>
PassLog move_forward(Graph& graph, const Moves& moves) {
  PassLog log;
  FreshNames names(graph);
  ValueMap<ValueId> integers(graph.values.size(), kNoValue);  // the input of each Dequantize, by its output
  std::vector<Node> nodes;
  nodes.reserve(graph.nodes.size());
  for (Node& node : graph.nodes) {
    if (is<Dequantize>(node.op)) integers[node.output] = node.inputs[0];
    std::vector<ValueId> from = moves(node) ? integers_behind(graph, node, integers) : std::vector<ValueId>();
    if (from.empty()) {
      nodes.push_back(std::move(node));
      continue;
    }
    log.push_back({Event::Kind::kMoved, node.name, "moved " + describe(node) + " before dequantizing"});
    const ValueId real = node.output;
    node.inputs = std::move(from);
    node.output = add_quantized(graph, names.make(graph.value(real).name + ".integers"), graph.value(real).shape,
                                *graph.value(node.inputs[0]).quantization);
    integers.push_back(kNoValue);
    integers[real] = node.output;
    Node dequantize;
    dequantize.name = names.make(node.name + ".dequantize");
    dequantize.op = Dequantize{};
    dequantize.inputs = {node.output};
    dequantize.output = real;
    nodes.push_back(std::move(node));
    nodes.push_back(std::move(dequantize));
  }
  graph.nodes = std::move(nodes);
  return log;
}

}  // namespace

PassLog move_dequantize_forward(Graph& graph) {
  return move_forward(graph, [](const Node& node) { return is_lossless(node.op); });
}

PassLog move_dequantize_past_concats(Graph& graph) {
  ValueMap<bool> is_quantized(graph.values.size(), false);
  for (const Node& node : graph.nodes) {
    if (is<Quantize>(node.op)) is_quantized[node.inputs[0]] = true;
  }
  return move_forward(graph, [&](const Node& node) {
    return is_lossless(node.op) || (is<Concat>(node.op) && !is_quantized[node.output]);
  });
}

PassLog quantize_before_concats(Graph& graph) {
  PassLog log;
  FreshNames names(graph);
  const ValueMap<std::vector<int>> readers = consumers(graph);
  ValueMap<bool> is_dequantized(graph.values.size(), false);
  std::vector<Node> nodes;
  nodes.reserve(graph.nodes.size());
  for (Node& node : graph.nodes) {
    if (is<Dequantize>(node.op)) is_dequantized[node.output] = true;
    const std::vector<int>& after = readers[node.output];
    const Node* const quantize =
        after.size() == 1 && node.output != graph.output ? &graph.nodes[static_cast<std::size_t>(after[0])] : nullptr;
    if (is<Concat>(node.op) && quantize != nullptr && is<Quantize>(quantize->op)) {
      const Quantization quantization = *graph.value(quantize->output).quantization;
      for (ValueId& input : node.inputs) {
        if (is_dequantized[input] || nodes.size() + graph.nodes.size() > kMaxNodes) continue;
        const Value before = graph.value(input);
        const ValueId integers =
            add_quantized(graph, names.make(before.name + ".integers"), before.shape, quantization);
        nodes.push_back({names.make(node.name + ".quantize"), Quantize{}, {input}, integers, {}});
        graph.values.push_back(Value{names.make(before.name + ".real"), before.shape, std::nullopt});
        input = static_cast<ValueId>(graph.values.size() - 1);
        nodes.push_back({names.make(node.name + ".dequantize"), Dequantize{}, {integers}, input, {}});
        log.push_back({Event::Kind::kMoved, node.name, "quantized an input of " + describe(node)});
      }
    }
    nodes.push_back(std::move(node));
  }
  graph.nodes = std::move(nodes);
  return log;
}

PassLog move_quantize_backward(Graph& graph) {
  PassLog log;
  FreshNames names(graph);
  const ValueMap<int> producer = producers(graph);
  Copies copies;
  std::vector<Node> nodes;
  std::vector<std::size_t> place;  // index in `nodes`, by index in graph.nodes
  nodes.reserve(graph.nodes.size());
  // The number of copies that may still be added.
  std::size_t budget = kMaxNodes - std::min(kMaxNodes, graph.nodes.size());
  for (Node& node : graph.nodes) {
    // The lossless operators before a Quantize, the last one first. They stay for other readers.
    std::vector<std::size_t> chain;
    if (is<Quantize>(node.op)) {
      for (int p = producer[node.inputs[0]]; p >= 0 && chain.size() < budget;) {
        const std::size_t at = place[static_cast<std::size_t>(p)];
        if (!is_lossless(nodes[at].op)) break;
        chain.push_back(at);
        p = producer[nodes[at].inputs[0]];
      }
    }
    if (!chain.empty()) {
      budget -= chain.size();
      const ValueId result = node.output;
      const Quantization quantization = *graph.value(result).quantization;
      log.push_back(
          {Event::Kind::kMoved, node.name, "moved " + describe(node) + " before " + describe(nodes[chain.back()])});
      const auto add_value = [&](const TensorShape& shape) {
        return add_quantized(graph, names.make(graph.value(result).name + ".before"), shape, quantization);
      };
      node.inputs = nodes[chain.back()].inputs;
      node.output = add_value(graph.value(node.inputs[0]).shape);
      nodes.push_back(std::move(node));
      for (std::size_t i = chain.size(); i-- > 0;) {
        Node copy = nodes[chain[i]];
        const TensorShape shape = graph.value(copy.output).shape;
        const std::string original = std::exchange(copy.name, names.make(copy.name + ".integers"));
        copies.add(copy.name, original);
        copy.inputs = {nodes.back().output};
        copy.output = i == 0 ? result : add_value(shape);
        nodes.push_back(std::move(copy));
      }
    } else {
      nodes.push_back(std::move(node));
    }
    place.push_back(nodes.size() - 1);
  }
  graph.nodes = std::move(nodes);
  remove_dead(graph);
  copies.rename(graph);
  return log;
}

}  // namespace narrow::graph
