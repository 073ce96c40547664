// How many results of vpmaddubsw may be added in 16-bit lanes before they are widened: a proof from the weights.
#pragma once

#include <cstdint>

namespace narrow::kernels::avx2 {

// The weights of the channels that share a panel: `channels` runs of `segments` * `segment_elems`, one after the other.
struct PanelWeights {
  const std::int8_t* weights;
  int channels;
  std::int64_t segments;
  std::int64_t segment_elems;
};

// The largest step count of a small set for which every window is exact, or 0 where even a single vpmaddubsw could
// saturate. A step is 4 elements, x * w of elements 0 and 1 in one lane, of 2 and 3 in another. Windows begin with
// each segment and end with it, or after as many steps. At most the steps of a segment.
//
// Proof, for x in [0, largest]: after the window, a lane holds sum(x * w) over its elements. That is at most
// largest * sum(max(w, 0)) and at least largest * sum(min(w, 0)), and both are required to be int16. Each vpmaddubsw
// adds two products of that sum, so its result lies within the same bounds (the other elements may be x = 0) and does
// not saturate. vpaddw wraps: sums are right modulo 2^16, and as the final one is an int16, it is right. Widening by
// vpmaddwd with ones adds the two lanes of a channel in int32.
[[nodiscard]] __attribute__((visibility("hidden"))) std::int64_t window_steps(const PanelWeights& panel,
                                                                              std::int32_t largest);

}  // namespace narrow::kernels::avx2
