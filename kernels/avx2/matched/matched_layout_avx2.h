// What convolution_matched_16x4_avx2 packs: groups of 16 channels, as panels of 4.
// Packed: for each group, Group; int64 offsets of the window's segments, rounded up to 64 bytes; the panels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kGroupPanels = 4;
inline constexpr int kGroupChannels = kGroupPanels * kMatchedChannels;

// 16 channels that are stored together. Those that need most tails share a panel, as each has the tails of its first.
struct MatchedGroup {
  std::int64_t panels[kGroupPanels];  // offsets
  std::uint8_t order[kGroupChannels];
};

struct MatchedLayout {
  explicit MatchedLayout(const ConvolutionProblem& problem);

  [[nodiscard]] MatchedWindow matched_window() const { return {window.segments, window.segment_elems}; }

  PanelLayout window;
  std::int64_t steps;
  std::int64_t groups;
  std::int64_t offsets_at;  // of segments
  std::int64_t panels_at;
};

// The steps of a panel that are single, and its tails, as shares of its steps: of two panels, as the others of a layer
// have about as many.
struct MatchedShares {
  double singles;
  double tails;
};
[[nodiscard]] MatchedShares matched_shares(const ConvolutionProblem& problem);

[[nodiscard]] std::size_t matched_packed_bytes(const ConvolutionProblem& problem);

void pack_matched_groups(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
