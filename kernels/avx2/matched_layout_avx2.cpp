#include "kernels/avx2/matched_layout_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

std::int64_t ceil_div(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }
std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }

int limit_of(const ConvolutionProblem& problem) { return matched_limit(largest_byte(problem)); }

// A group's channels, most tails first.
struct ChannelOrder {
  int count;
  int channels[kGroupChannels];
  std::int64_t tails[kGroupChannels];  // of the channel at this place

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
  [[nodiscard]] int panels() const { return static_cast<int>(ceil_div(count, kMatchedChannels)); }
  [[nodiscard]] std::int64_t tail_pairs(int panel) const { return ceil_div(tails[panel * kMatchedChannels], 2); }
};

void pack_panel(const ConvolutionProblem& problem, const MatchedLayout& layout, const int* channels, int count,
                std::byte* panel) {
  PanelHead& head = *reinterpret_cast<PanelHead*>(panel);
  head = {};
  MatchedWeights weights{};
  for (int i = 0; i < count; ++i) {
    const int channel = channels[i];
    weights.channels[i] = problem.weights + channel * layout.window.depth();
    head.bias[i] =
        static_cast<std::int32_t>(problem.bias[channel] - problem.input_zero_point * problem.sums[channel].total());
    head.multiplier[i] = problem.multiplier[channel];
  }
  pack_matched(weights, layout.matched_window(), limit_of(problem), panel);
}

}  // namespace

MatchedLayout::MatchedLayout(const ConvolutionProblem& problem)
    : window(panel_layout(problem, BlockElement::kU8)),
      steps(window.segments * window.segment_steps),
      groups(ceil_div(problem.shape.out_c, kGroupChannels)),
      offsets_at(groups * std::int64_t{sizeof(MatchedGroup)}),
      panels_at(round_up(offsets_at + window.segments * std::int64_t{sizeof(std::int64_t)}, 64)) {}

double matched_tails(const ConvolutionProblem& problem) {
  constexpr std::int64_t kSample = 2;
  const MatchedLayout layout(problem);
  const std::int64_t stride = ceil_div(layout.groups, kSample);
  std::int64_t pairs = 0, panels = 0;
  for (std::int64_t group = 0; group < layout.groups; group += stride) {
    const ChannelOrder order(problem, layout, group);
    for (int panel = 0; panel < order.panels(); ++panel) pairs += order.tail_pairs(panel);
    panels += order.panels();
  }
  return 2.0 * static_cast<double>(pairs) / static_cast<double>(panels * layout.steps);
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

void pack_matched_groups(const ConvolutionProblem& problem, std::byte* packed) {
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
      const int first = p * kMatchedChannels;
      const int count = order.count - first < kMatchedChannels ? order.count - first : kMatchedChannels;
      group.panels[p] = at;
      pack_panel(problem, layout, order.channels + first, count, packed + at);
      at += PanelParts(layout.steps, order.tail_pairs(p)).bytes;
    }
  }
}

}  // namespace narrow::kernels::avx2
