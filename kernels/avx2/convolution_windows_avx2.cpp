#include "kernels/avx2/convolution_windows_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kStepElems = 4;
// Tried besides the whole segment, whatever is cheapest first among those that are exact.
constexpr std::int64_t kStepCounts[] = {96, 64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2};

// In half steps: widening from register to register, and with a function call and sums in memory.
constexpr std::int64_t kWidenCost = 1;
constexpr std::int64_t kCallCost = 6;

std::int64_t cost_of(std::int64_t steps, std::int64_t segment_steps) {
  const std::int64_t whole = segment_steps / steps;
  const std::int64_t rest = segment_steps % steps != 0 ? kCallCost : 0;
  return 2 * segment_steps + whole * (window_is_unrolled(steps) ? kWidenCost : kCallCost) + rest;
}

// Of the weights in a lane: the sums of the positive and of the negative ones.
//   words 0, 1: positive, lanes 0 and 1 of a channel; words 2, 3: negative.
// Sums saturate, so that weights can't wrap into what looks small.
struct LaneSums {
  __m128i words = _mm_setzero_si128();

  void add(std::int32_t four_weights) {
    const __m128i zero = _mm_setzero_si128();
    const __m128i w = _mm_cvtsi32_si128(four_weights);
    const __m128i by_sign = _mm_unpacklo_epi32(_mm_max_epi8(w, zero), _mm_min_epi8(w, zero));
    words = _mm_adds_epi16(words, _mm_maddubs_epi16(_mm_set1_epi8(1), by_sign));
  }
};

std::int32_t load_step(const std::int8_t* weights, std::int64_t count) {
  std::int32_t four = 0;
  std::memcpy(&four, weights, static_cast<std::size_t>(count < kStepElems ? count : kStepElems));
  return four;
}

// Limits of LaneSums that keep a window in int16: floor(32767 / largest), and floor(32768 / largest), negated. A sum
// that saturated is beyond both, except for largest <= 1, where the limits are one lower than they could be.
struct Limits {
  explicit Limits(std::int32_t largest) {
    const std::int32_t by = largest < 1 ? 1 : largest;
    const int upper = INT16_MAX / by - (by == 1 ? 1 : 0);
    const int lower = -(-INT16_MIN / by) + (by == 1 ? 1 : 0);
    upper_bounds = _mm_setr_epi16(word(upper), word(upper), INT16_MAX, INT16_MAX, 0, 0, 0, 0);
    lower_bounds = _mm_setr_epi16(INT16_MIN, INT16_MIN, word(lower), word(lower), 0, 0, 0, 0);
  }
  [[nodiscard]] bool hold(const LaneSums& sums) const {
    const __m128i beyond =
        _mm_or_si128(_mm_cmpgt_epi16(sums.words, upper_bounds), _mm_cmpgt_epi16(lower_bounds, sums.words));
    return _mm_movemask_epi8(beyond) == 0;
  }

 private:
  static std::int16_t word(int value) { return static_cast<std::int16_t>(value); }
  __m128i upper_bounds, lower_bounds;
};

bool windows_hold(const PanelWeights& panel, const Limits& limits, std::int64_t steps) {
  const std::int8_t* weights = panel.weights;
  for (std::int64_t s = 0; s < panel.channels * panel.segments; ++s) {
    std::int64_t left = panel.segment_elems;
    while (left > 0) {
      LaneSums sums;
      for (std::int64_t i = 0; i < steps && left > 0; ++i, weights += kStepElems, left -= kStepElems) {
        sums.add(left >= kStepElems ? load_step(weights, kStepElems) : load_step(weights, left));
      }
      if (!limits.hold(sums)) return false;
    }
    weights += left;  // the last step may be part of one
  }
  return true;
}

}  // namespace

Windows choose_windows(const PanelWeights& panel, std::int32_t largest) {
  const Limits limits(largest);
  const std::int64_t segment_steps = (panel.segment_elems + kStepElems - 1) / kStepElems;
  Windows best{0, INT64_MAX};
  const auto consider = [&](std::int64_t steps) {
    const std::int64_t cost = cost_of(steps, segment_steps);
    if (cost < best.cost && windows_hold(panel, limits, steps)) best = {steps, cost};
  };
  if (segment_steps > 1) consider(segment_steps);
  for (const std::int64_t steps : kStepCounts) {
    if (steps < segment_steps) consider(steps);
  }
  const std::int64_t always = cost_of_widening_always(segment_steps);
  if (best.cost < always) return best;
  return {best.steps > 0 || windows_hold(panel, limits, 1) ? 1 : 0, always};
}

}  // namespace narrow::kernels::avx2
