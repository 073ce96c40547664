// How many products of weights of 2 bits may be added in a byte before they are widened. The weights prove it.
#pragma once

#include <cstdint>

#include "kernels/avx2/shared/convolution_runs_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kRunUnit = 8;  // pairs: runs are multiples of it, or end with a segment

// pairs: length of a byte run in pairs of products; 0: no run is exact.
// start: what a byte holds before the first product of a run.
// whole: a single run begins with the first segment and ends with the last.
struct ByteRun {
  std::int64_t pairs;
  std::uint8_t start;
  bool whole;
};

// Returns runs of the same length, so that each segment has as few as possible. A run begins with each segment. It ends
// with the segment or after `pairs` pairs.
//
// Proof for x in [0, largest]: After a run, the sum of a channel lies in [largest * sum(min(w, 0)), largest *
// sum(max(w, 0))]. With `low` the least of the lower bounds of all channels and runs, and `high` the greatest of the
// upper ones, start = -low, and high - low <= 254. So start + sum is an unsigned byte below 255. vpaddb wraps, so sums
// are correct modulo 2^8, and the final one is correct.
//
// A single run of all segments is `whole`, where the weights allow it.
[[nodiscard]] ByteRun choose_byte_run(const PanelWeights& panel, std::int32_t largest);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
