// How convolution_matched_16x4_avx2 makes vpmaddubsw exact for any 8-bit weights.
//
// A depth step is 4 consecutive elements of the window. vpmaddubsw adds x * w of elements 0 and 1 in one 16-bit lane,
// and of elements 2 and 3 in another. Let A be the largest input byte. A lane is exact while A * sum(max(w, 0)) <=
// 32767 and A * sum(min(w, 0)) >= -32768. Both hold if the sums of magnitudes are at most limit(A) = 32767 / A, which
// is 128 for A = 255.
//   Tails: Where the weights of a lane exceed the limit, a part of them (at most limit / 2 for each sign) moves to one
//   or
//     two further depth steps of that channel on the same elements. In deep layers 3 to 5 % of the depth steps need a
//     tail, in layers of 64 input channels 20 %.
//   Matching: Two depth steps of a panel may share an addition in 16 bits. The condition is that in every lane of every
//     channel, the sums of magnitudes of both together are within the limit. This takes 3 multiplications for 64
//     products instead of 4. Each depth step is matched with one of the last few unmatched ones.
// vpaddw wraps and the final sum is an int16, so the order of additions does not matter. Tails are added two at a time;
// the sums of each are within limit / 2.
//
// Packed panel of 4 output channels, 64-byte aligned: PanelHead; uint16 places[steps] of the matched depth steps, two
// by two, then of the single ones (a place is 8 * the index of the depth step); weights of the pairs [pair][4
// channels][2 steps][4 elements], then of the singles [single][4 channels][4 elements]; pairs of tails, see TailPair.
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

// Two tails of each channel.
struct TailPair {
  std::uint16_t places[kMatchedChannels][2];
  std::int8_t weights[kMatchedChannels][2][4];
};

// The depth layout of all channels. A depth step does not cross the end of a segment.
struct MatchedWindow {
  std::int64_t segments;
  std::int64_t segment_elems;

  [[nodiscard]] std::int64_t segment_steps() const { return (segment_elems + 3) / 4; }
  [[nodiscard]] std::int64_t steps() const { return segments * segment_steps(); }
};

// The weights of a panel's channels, `segments` * `segment_elems` each. nullptr: the panel has no such channel.
struct MatchedWeights {
  const std::int8_t* channels[kMatchedChannels];
};

// The offsets in a packed panel.
struct PanelParts {
  std::int64_t weights;  // from its start
  std::int64_t tails;
  std::int64_t bytes;

  PanelParts(std::int64_t steps, std::int64_t tail_pairs)
      : weights(kPanelHeadSize + (2 * steps + 3) / 4 * 4),
        tails(weights + steps * 4 * kMatchedChannels),
        bytes((tails + tail_pairs * std::int64_t{sizeof(TailPair)} + 63) / 64 * 64) {}
};

// The largest sum of magnitudes of a lane for inputs in [0, largest]. It is 254 where any pair of weights fits except
// -128 and -128.
[[nodiscard]] constexpr int matched_limit(std::int32_t largest) {
  return largest * 254 > INT16_MAX ? INT16_MAX / largest : 254;
}

// The number of tails of a channel. A panel has half as many pairs of tails as its channel with the most tails, rounded
// up.
[[nodiscard]] std::int64_t count_tails(const std::int8_t* weights, const MatchedWindow& window, int limit);

struct MatchedCounts {
  std::int64_t pairs, singles, tail_pairs;
};

// The counts that pack_matched will have.
[[nodiscard]] MatchedCounts count_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit);

// Writes the whole panel except bias and multiplier. `panel` has the size that PanelParts returns.
void pack_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit, std::byte* panel);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
