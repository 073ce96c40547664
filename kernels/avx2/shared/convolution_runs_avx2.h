// How many results of vpmaddubsw may be added in 16-bit lanes before they are widened. The weights prove it.
#pragma once

#include <cstdint>

#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The weights of `channels` channels, usually those of a panel: `segments` * `segment_elems` for each, one channel
// after the other.
struct PanelWeights {
  const std::int8_t* weights;
  int channels;
  std::int64_t segments;
  std::int64_t segment_elems;
};

// How the products of a panel are added.
//   steps: length of an accumulation run in depth steps, at most those of a segment. 0: a single vpmaddubsw could
//     saturate. 1: no two results may be added.
//   cost: time of a segment in half steps. A step is 4 elements of 3 pixels x 16 channels.
struct AccumulationRun {
  std::int64_t steps;
  std::int64_t cost;
};

// The cost of the same segment if every depth step is widened.
[[nodiscard]] constexpr std::int64_t cost_of_widening_always(std::int64_t segment_steps,
                                                             const costs::AccumulationRuns& costs) {
  return segment_steps * costs.always_num / costs.always_den;
}

// Returns the cheapest of a small set of run lengths for which every run is exact. In a depth step, x * w of elements 0
// and 1 are added in one lane, and of elements 2 and 3 in another. A run begins with each segment. It ends with the
// segment or after `steps` depth steps.
//
// Proof for x in [0, largest]: After the run, a lane holds sum(x * w) over its elements. This is at most largest *
// sum(max(w, 0)) and at least largest * sum(min(w, 0)). Both must be int16. Each vpmaddubsw adds two products of that
// sum. Its result lies within the same bounds, because all other x may be 0, so it does not saturate. vpaddw wraps, so
// sums are correct modulo 2^16. The final sum is an int16, so it is correct. Widening by vpmaddwd with ones adds the
// two lanes of a channel in int32.
[[nodiscard]] AccumulationRun choose_run(const PanelWeights& panel, std::int32_t largest,
                                         const costs::AccumulationRuns& costs);

// Whether runs of `steps` >= 1 depth steps are exact for every channel on its own. A run of one depth step is what a
// single vpmaddubsw adds.
[[nodiscard]] bool run_holds(const PanelWeights& panel, std::int32_t largest, std::int64_t steps);

// Whether a tile with all sums in registers exists for this run length. Tiles of other lengths keep their int32 sums in
// memory.
[[nodiscard]] constexpr bool run_is_unrolled(std::int64_t steps) {
  return (steps >= 2 && steps <= 8) || steps == 12 || steps == 16;
}

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
