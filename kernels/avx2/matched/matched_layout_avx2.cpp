#include "kernels/avx2/matched/matched_layout_avx2.h"
#include "base/arithmetic.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

int limit_of(const ConvolutionProblem& problem) { return matched_limit(largest_byte(problem)); }

// A group's channels, most tails first.
struct ChannelOrder {
  int count;
  int channels[kGroupChannels] = {};
  std::int64_t tails[kGroupChannels] = {};  // of the channel at this place

  ChannelOrder(const ConvolutionProblem& problem, const MatchedLayout& layout, std::int64_t group) {
    const int first = static_cast<int>(group) * kGroupChannels;
    count = problem.shape.out_c - first < kGroupChannels ? problem.shape.out_c - first : kGroupChannels;
    for (int i = 0; i < count; ++i) {
      const std::int8_t* const weights = problem.weights + (first + i) * layout.window.depth();
      const std::int64_t now = count_tails(weights, layout.matched_window(), limit_of(problem));
      int at = i;
      for (; at > 0 && tails[at - 1] < now; --at) {
        tails[at] = tails[at - 1];
        channels[at] = channels[at - 1];
      }
      tails[at] = now;
      channels[at] = first + i;
    }
  }
  [[nodiscard]] int panels() const { return static_cast<int>(base::ceil_div(count, kMatchedChannels)); }
  [[nodiscard]] std::int64_t tail_pairs(int panel) const { return base::ceil_div(tails[panel * kMatchedChannels], 2); }
};

MatchedWeights weights_of(const ConvolutionProblem& problem, const MatchedLayout& layout, const ChannelOrder& order,
                          int panel) {
  MatchedWeights weights{};
  const int first = panel * kMatchedChannels;
  for (int i = first; i < first + kMatchedChannels && i < order.count; ++i) {
    weights.channels[i - first] = problem.weights + order.channels[i] * layout.window.depth();
  }
  return weights;
}

void pack_head(const ConvolutionProblem& problem, const ChannelOrder& order, int panel, PanelHead& head) {
  head = {};
  const int first = panel * kMatchedChannels;
  for (int i = first; i < first + kMatchedChannels && i < order.count; ++i) {
    const int channel = order.channels[i];
    head.bias[i - first] = static_cast<std::int32_t>(folded_bias(problem, channel));
    head.multiplier[i - first] = problem.multiplier[channel];
  }
}

}  // namespace

MatchedLayout::MatchedLayout(const ConvolutionProblem& problem)
    : window(panel_layout(problem, BlockElement::kU8)),
      steps(window.segments * window.segment_steps),
      groups(base::ceil_div(problem.shape.out_c, kGroupChannels)),
      offsets_at(groups * std::int64_t{sizeof(MatchedGroup)}),
      panels_at(base::round_up(offsets_at + window.segments * std::int64_t{sizeof(std::int64_t)}, 64)) {}

MatchedShares matched_shares(const ConvolutionProblem& problem) {
  const MatchedLayout layout(problem);
  MatchedCounts sum{};
  // The second panel of a group is an average one.
  for (const std::int64_t group : {std::int64_t{0}, layout.groups / 2}) {
    const ChannelOrder order(problem, layout, group);
    const int panel = order.panels() > 1 ? 1 : 0;
    const MatchedCounts counts =
        count_matched(weights_of(problem, layout, order, panel), layout.matched_window(), limit_of(problem));
    sum.singles += counts.singles;
    sum.tail_pairs += counts.tail_pairs;
  }
  const auto steps = static_cast<double>(2 * layout.steps);
  return {static_cast<double>(sum.singles) / steps, 2 * static_cast<double>(sum.tail_pairs) / steps};
}

std::size_t matched_packed_bytes(const ConvolutionProblem& problem) {
  const MatchedLayout layout(problem);
  std::int64_t bytes = layout.panels_at;
  for (std::int64_t group = 0; group < layout.groups; ++group) {
    const ChannelOrder order(problem, layout, group);
    for (int p = 0; p < order.panels(); ++p) bytes += PanelParts(layout.steps, order.tail_pairs(p)).bytes;
  }
  return static_cast<std::size_t>(bytes);
}

void pack_matched_groups(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  const MatchedLayout layout(problem);
  pack_offsets(problem, layout.window, plan_blocks(problem.shape, BlockElement::kU8),
               reinterpret_cast<std::int64_t*>(packed + layout.offsets_at));
  std::int64_t at = layout.panels_at;
  for (std::int64_t index = 0; index < layout.groups; ++index) {
    MatchedGroup& group = reinterpret_cast<MatchedGroup*>(packed)[index];
    group = {};
    const ChannelOrder order(problem, layout, index);
    for (int i = 0; i < order.count; ++i) {
      group.order[order.channels[i] % kGroupChannels] = static_cast<std::uint8_t>(i);
    }
    for (int p = 0; p < order.panels(); ++p) {
      group.panels[p] = at;
      pack_head(problem, order, p, *reinterpret_cast<PanelHead*>(packed + at));
      pack_matched(weights_of(problem, layout, order, p), layout.matched_window(), limit_of(problem), packed + at);
      at += PanelParts(layout.steps, order.tail_pairs(p)).bytes;
    }
  }
}

}  // namespace narrow::kernels::avx2
