#include "quantize/channel_sets.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace narrow::graph {
namespace {

enum class Change : std::uint8_t { kScale, kMix };

// Whether a change of each element's channels before the operator is the same change after it. The order of channels is
// kept: the channel of element i stays i modulo the number of channels.
bool keeps(Change change, const Node& node) {
  if (!node.clamp.is_identity()) return false;
  if (is<MaxPool>(node.op)) return change == Change::kScale;
  return is<Activation, AveragePool, GlobalAveragePool, Pad, Flatten, Identity>(node.op);
}

bool is_dense(const Node& node) {
  const auto* convolution = std::get_if<Convolution>(&node.op);
  return convolution == nullptr || convolution->groups == 1;
}

bool keeps(Change change, const Clamp& clamp) {
  return change == Change::kScale ? clamp.lo <= 0 && clamp.hi >= 0 : clamp.is_identity();
}

class Finder {
 public:
  Finder(const Graph& graph, const Liveness& live, Change change)
      : graph_(graph), live_(live), change_(change), producer_(producers(graph)), consumers_(consumers(graph)) {}

  std::vector<ChannelSet> run() {
    std::vector<ChannelSet> found;
    std::set<ValueId> visited;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_.nodes[n] || filter_of(node) == nullptr || visited.count(node.output) != 0) continue;
      values_ = {};
      writers_ = {};
      readers_ = {};
      const bool is_closed = join(node.output);
      visited.insert(values_.begin(), values_.end());
      if (is_closed && !readers_.empty() && is_uniform()) found.push_back(result());
    }
    return found;
  }

 private:
  // Adds the value and all that has to be changed with it. False where something else than a layer would see a change;
  // then more may have to be added.
  bool join(ValueId first) {
    std::vector<ValueId> added = {first};
    bool is_closed = true;
    while (!added.empty()) {
      const ValueId value = added.back();
      added.pop_back();
      if (!values_.insert(value).second) continue;
      is_closed =
          value != graph_.output && !graph_.value(value).quantization && add_producer(value, added) && is_closed;
      for (const int consumer : consumers_[value]) {
        is_closed = add_consumer(static_cast<std::size_t>(consumer), added) && is_closed;
      }
    }
    return is_closed;
  }

  bool add_producer(ValueId value, std::vector<ValueId>& added) {
    const int producer = producer_[value];
    if (producer < 0) return false;
    const Node& node = graph_.nodes[static_cast<std::size_t>(producer)];
    if (filter_of(node) != nullptr) {
      writers_.insert(static_cast<std::size_t>(producer));
      return can_change(node) && keeps(change_, node.clamp);
    }
    added.insert(added.end(), node.inputs.begin(), node.inputs.end());
    return keeps(change_, node) || is_plain_sum(node);
  }

  bool add_consumer(std::size_t n, std::vector<ValueId>& added) {
    const Node& node = graph_.nodes[n];
    if (!live_.nodes[n]) return true;
    if (filter_of(node) != nullptr) {
      readers_.insert(n);
      return can_change(node);
    }
    added.push_back(node.output);
    return keeps(change_, node) || is_plain_sum(node);
  }

  [[nodiscard]] bool can_change(const Node& node) const {
    const Filter& filter = *filter_of(node);
    return (change_ == Change::kScale || is_dense(node)) && !filter.quantized && !filter.pre_quantized &&
           !graph_.value(node.inputs[0]).quantization;
  }

  // Of two tensors of the same shape.
  [[nodiscard]] bool is_plain_sum(const Node& node) const {
    return is<Add>(node.op) && keeps(change_, node.clamp) &&
           graph_.value(node.inputs[0]).shape == graph_.value(node.inputs[1]).shape;
  }

  // One factor per channel has to do for all.
  [[nodiscard]] bool is_uniform() const {
    const auto channels = [&](std::size_t n) { return filter_of(graph_.nodes[n])->bias.size(); };
    return std::all_of(writers_.begin(), writers_.end(),
                       [&](std::size_t n) { return channels(n) == channels(*writers_.begin()); });
  }

  [[nodiscard]] ChannelSet result() const {
    const bool by_channel =
        std::all_of(readers_.begin(), readers_.end(), [&](std::size_t n) { return is_depthwise(graph_.nodes[n]); });
    return {{values_.begin(), values_.end()},
            {writers_.begin(), writers_.end()},
            {readers_.begin(), readers_.end()},
            by_channel};
  }

  const Graph& graph_;
  const Liveness& live_;
  const Change change_;
  const ValueMap<int> producer_;
  const ValueMap<std::vector<int>> consumers_;
  std::set<ValueId> values_;
  std::set<std::size_t> writers_;
  std::set<std::size_t> readers_;
};

}  // namespace

std::vector<ChannelSet> scalable_sets(const Graph& graph, const Liveness& live) {
  return Finder(graph, live, Change::kScale).run();
}

std::vector<ChannelSet> mixable_sets(const Graph& graph, const Liveness& live) {
  return Finder(graph, live, Change::kMix).run();
}

ReadingFilter reading_filter(const Graph& graph, const Node& node) {
  const Filter& filter = *filter_of(node);
  const auto* convolution = std::get_if<Convolution>(&node.op);
  if (convolution == nullptr) return {filter.bias.size(), filter.weights.size() / filter.bias.size()};
  const auto groups = static_cast<std::size_t>(convolution->groups);
  return {filter.bias.size() / groups, static_cast<std::size_t>(graph.value(node.inputs[0]).shape.channels) / groups};
}

}  // namespace narrow::graph
