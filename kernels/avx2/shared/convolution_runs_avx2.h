// How many results of vpmaddubsw may be added in 16-bit lanes before they are widened: a proof from the weights.
#pragma once

#include <cstdint>

#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The weights of channels, as a rule those that share a panel: `channels` runs of `segments` * `segment_elems`, one
// after the other.
struct PanelWeights {
  const std::int8_t* weights;
  int channels;
  std::int64_t segments;
  std::int64_t segment_elems;
};

// How a panel is summed. steps: 0 where even a single vpmaddubsw could saturate, 1 where no two of them may be added;
// at most the steps of a segment. cost: time of a segment, in half steps (a step: 4 elements of 3 pixels x 16
// channels).
struct AccumulationRun {
  std::int64_t steps;
  std::int64_t cost;
};

// What the same segment costs where every step is widened.
[[nodiscard]] constexpr std::int64_t cost_of_widening_always(std::int64_t segment_steps) {
  return segment_steps * costs::kRuns.always_num / costs::kRuns.always_den;
}

// The cheapest of a small set of step counts for which every run is exact. In a depth step, x * w of elements 0 and 1
// go to one lane, of 2 and 3 to another. A run begins with each segment. It ends with the segment or after `steps`
// steps.
//
// Proof, for x in [0, largest]: after the run, a lane holds sum(x * w) over its elements. That is at most
// largest * sum(max(w, 0)) and at least largest * sum(min(w, 0)), and both are required to be int16. Each vpmaddubsw
// adds two products of that sum, so its result lies within the same bounds (the other elements may be x = 0) and does
// not saturate. vpaddw wraps: sums are right modulo 2^16, and as the final one is an int16, it is right. Widening by
// vpmaddwd with ones adds the two lanes of a channel in int32.
[[nodiscard]] AccumulationRun choose_run(const PanelWeights& panel, std::int32_t largest);

// Whether runs of `steps` depth steps are exact for all channels, each for itself; steps >= 1. A run of one step is
// what a single vpmaddubsw adds.
[[nodiscard]] bool run_holds(const PanelWeights& panel, std::int32_t largest, std::int64_t steps);

// Step counts that have a tile of their own, with all sums in registers. Other runs keep their int32 sums in memory.
[[nodiscard]] constexpr bool run_is_unrolled(std::int64_t steps) {
  return (steps >= 2 && steps <= 8) || steps == 12 || steps == 16;
}

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
