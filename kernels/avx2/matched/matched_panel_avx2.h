// How convolution_matched_16x4_avx2 makes vpmaddubsw exact for any 8-bit weights.
//
// A step is 4 consecutive elements of the window. vpmaddubsw puts x * w of elements 0 and 1 into one 16-bit lane, of 2
// and 3 into another; a lane is exact while, with A the largest input byte, A * sum(max(w, 0)) <= 32767 and
// A * sum(min(w, 0)) >= -32768: both sums of magnitudes stay within limit(A) = 32767 / A, 128 for A = 255.
//   Tails: where the weights of a lane exceed the limit, a part of them, at most limit / 2 for each sign, is moved to a
//     further step of that channel on the same elements, or to two. Three to five of a hundred steps of deep layers
//     need one, twenty of layers with 64 input channels.
//   Matching: then two steps of a panel share an accumulation in 16 bits, if in every lane of every channel their sums
//     of magnitudes together stay within the limit: 3 multiplications for 64 products where two steps of their own
//     would take 4. Each step takes one of the last few unmatched steps that fits.
// vpaddw wraps, and the final sum is an int16, so that no order of summation matters. Tails are added two at a time:
// their sums are within limit / 2 each.
//
// Packed panel of 4 output channels, 64-byte aligned: PanelHead; uint16 places[steps] of the matched steps, two by two,
// then of the single ones (place: 8 * index of the step); weights of the pairs [pair][4 channels][2 steps][4 elements],
// of the singles [single][4 channels][4 elements]; pairs of tails, see TailPair.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kMatchedChannels = 4;
inline constexpr std::int64_t kMatchedMaxSteps = 65535 / 8;

struct PanelHead {
  std::int32_t bias[kMatchedChannels];
  float multiplier[kMatchedChannels];
  std::int32_t pairs;
  std::int32_t singles;
  std::int32_t tail_pairs;
};
inline constexpr std::int64_t kPanelHeadSize = 64;

// Two further steps of each channel.
struct TailPair {
  std::uint16_t places[kMatchedChannels][2];
  std::int8_t weights[kMatchedChannels][2][4];
};

// The window that all channels have. Steps do not reach from one segment into the next.
struct MatchedWindow {
  std::int64_t segments;
  std::int64_t segment_elems;

  [[nodiscard]] std::int64_t segment_steps() const { return (segment_elems + 3) / 4; }
  [[nodiscard]] std::int64_t steps() const { return segments * segment_steps(); }
};

// The weights of a panel's channels, `segments` * `segment_elems` each; nullptr: no such channel.
struct MatchedWeights {
  const std::int8_t* channels[kMatchedChannels];
};

// Where the parts of a packed panel are.
struct PanelParts {
  std::int64_t weights;  // from its start
  std::int64_t tails;
  std::int64_t bytes;

  PanelParts(std::int64_t steps, std::int64_t tail_pairs)
      : weights(kPanelHeadSize + (2 * steps + 3) / 4 * 4),
        tails(weights + steps * 4 * kMatchedChannels),
        bytes((tails + tail_pairs * std::int64_t{sizeof(TailPair)} + 63) / 64 * 64) {}
};

// The largest sum of magnitudes of a lane for inputs in [0, largest]; 254 where any pair of weights but -128, -128
// fits.
[[nodiscard]] constexpr int matched_limit(std::int32_t largest) {
  return largest * 254 > INT16_MAX ? INT16_MAX / largest : 254;
}

// How many tails a channel needs. A panel has as many pairs of them as half of the largest number of its channels,
// rounded up.
[[nodiscard]] std::int64_t count_tails(const std::int8_t* weights, const MatchedWindow& window, int limit);

struct MatchedCounts {
  std::int64_t pairs, singles, tail_pairs;
};

// What pack_matched will find.
[[nodiscard]] MatchedCounts count_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit);

// All of the panel but bias and multiplier, which are not touched; `panel` has room for all that PanelParts says.
void pack_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit, std::byte* panel);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
