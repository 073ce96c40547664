#include "quantize/blocks.h"

#include <algorithm>
#include <optional>

#include "floating/gradients/part_gradient.h"

namespace narrow::graph {
namespace {

// What may be joined with its neighbours: a single node, or the nodes between a split and its join.
struct Segment {
  Block block;
  int live_nodes = 0;
  int layers = 0;
  bool has_gradient = false;
  bool has_depthwise = false;
  bool ends_with_depthwise = false;  // of its layers the last
};

class Divider {
 public:
  Divider(const Graph& graph, const Liveness& live) : graph_(graph), live_(live), last_read_(graph.values.size(), 0) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      if (!live.nodes[n]) continue;
      for (const ValueId id : graph.nodes[n].inputs) last_read_[index(id)] = n + 1;
    }
    last_read_[index(graph.output)] = graph.nodes.size() + 1;
  }

  std::vector<Block> run() {
    std::vector<Block> blocks;
    std::optional<Segment> open;
    for (const Segment& segment : segments()) {
      if (open && joins(*open, segment)) {
        open = joined(*open, segment);
        continue;
      }
      if (open) blocks.push_back(open->block);
      open = segment;
    }
    if (open) blocks.push_back(open->block);
    return blocks;
  }

 private:
  // A segment ends where a single value is still to be read.
  std::vector<Segment> segments() {
    std::vector<Segment> result;
    std::vector<ValueId> alive{graph_.input};
    std::size_t first = 0;
    ValueId input = graph_.input;
    for (std::size_t n = 0; n < graph_.nodes.size() && input != graph_.output; ++n) {
      if (!live_.nodes[n]) continue;
      alive.push_back(graph_.nodes[n].output);
      std::erase_if(alive, [&](ValueId id) { return last_read_[index(id)] <= n + 1; });
      if (alive.size() != 1) continue;
      result.push_back(describe({{first, n + 1}, input, alive[0]}));
      first = n + 1;
      input = alive[0];
    }
    return result;
  }

  [[nodiscard]] Segment describe(const Block& block) const {
    Segment segment{.block = block, .has_gradient = PartGradient::is_possible(graph_, block.nodes)};
    for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_.nodes[n]) continue;
      ++segment.live_nodes;
      if (filter_of(node) == nullptr) continue;
      ++segment.layers;
      const auto* convolution = std::get_if<Convolution>(&node.op);
      segment.ends_with_depthwise = convolution != nullptr && convolution->groups > 1 &&
                                    convolution->groups == graph_.value(node.inputs[0]).shape.channels;
      segment.has_depthwise = segment.has_depthwise || segment.ends_with_depthwise;
    }
    return segment;
  }

  static bool joins(const Segment& open, const Segment& next) {
    if (!open.has_gradient || !next.has_gradient) return false;
    if (next.layers == 0 && next.live_nodes == 1) return true;
    if (open.layers == 0) return true;
    if (next.live_nodes > 1) return false;
    return next.has_depthwise ? !open.has_depthwise && open.layers == 1 : open.ends_with_depthwise;
  }

  static Segment joined(const Segment& open, const Segment& next) {
    Segment both = open;
    both.block.nodes.last = next.block.nodes.last;
    both.block.output = next.block.output;
    both.live_nodes += next.live_nodes;
    both.layers += next.layers;
    both.has_depthwise = open.has_depthwise || next.has_depthwise;
    if (next.layers > 0) both.ends_with_depthwise = next.ends_with_depthwise;
    return both;
  }

  const Graph& graph_;
  const Liveness& live_;
  std::vector<std::size_t> last_read_;  // by ValueId: one past the node
};

}  // namespace

std::vector<Block> divide_into_blocks(const Graph& graph, const Liveness& live) { return Divider(graph, live).run(); }

}  // namespace narrow::graph
