#include "kernels/avx2/shared/convolution_runs_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kStepElems = 4;
// The run lengths that are tried besides the whole segment. The cheapest exact one is taken.
constexpr std::int64_t kStepCounts[] = {96, 64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2};

std::int64_t cost_of(std::int64_t steps, std::int64_t segment_steps, const costs::AccumulationRuns& costs) {
  const std::int64_t whole = segment_steps / steps;
  const std::int64_t rest = segment_steps % steps != 0 ? costs.call : 0;
  return 2 * segment_steps + whole * (run_is_unrolled(steps) ? costs.widen : costs.call) + rest;
}

// The sums of the positive and of the negative weights in a lane, for 8 channels with 2 lanes each. Sums saturate, so
// large sums can't wrap to small ones.
struct LaneSums {
  __m256i positive = _mm256_setzero_si256();
  __m256i negative = _mm256_setzero_si256();

  // Adds the weights of a depth step: [8 channels][4].
  void add(__m256i w) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi8(1);
    positive = _mm256_adds_epi16(positive, _mm256_maddubs_epi16(ones, _mm256_max_epi8(w, zero)));
    negative = _mm256_adds_epi16(negative, _mm256_maddubs_epi16(ones, _mm256_min_epi8(w, zero)));
  }
};

// Limits of LaneSums that keep a run in int16: floor(32767 / largest), and floor(32768 / largest), negated. A saturated
// sum is beyond both limits. For largest <= 1 the limits are therefore one lower than necessary.
struct Limits {
  explicit Limits(std::int32_t largest) {
    const std::int32_t by = largest < 1 ? 1 : largest;
    const int upper = INT16_MAX / by - (by == 1 ? 1 : 0);
    const int lower = -(-INT16_MIN / by) + (by == 1 ? 1 : 0);
    upper_bounds = _mm256_set1_epi16(word(upper));
    lower_bounds = _mm256_set1_epi16(word(lower));
  }
  [[nodiscard]] bool hold(const LaneSums& sums) const {
    const __m256i beyond = _mm256_or_si256(_mm256_cmpgt_epi16(sums.positive, upper_bounds),
                                           _mm256_cmpgt_epi16(lower_bounds, sums.negative));
    return _mm256_testz_si256(beyond, beyond) != 0;
  }

 private:
  static std::int16_t word(int value) { return static_cast<std::int16_t>(value); }
  __m256i upper_bounds, lower_bounds;
};

// Eight rows of 16 bytes, `stride` apart, as 4 depth steps of [8 rows][4]. The order of rows does not matter here.
struct FourSteps {
  __m256i step[4];
};
FourSteps load_four_steps(const std::int8_t* from, std::int64_t stride) {
  const auto rows = [&](int row) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + row * stride));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + (row + 4) * stride));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  };
  const __m256i a = rows(0), b = rows(1), c = rows(2), d = rows(3);
  const __m256i ab_low = _mm256_unpacklo_epi32(a, b), ab_high = _mm256_unpackhi_epi32(a, b);
  const __m256i cd_low = _mm256_unpacklo_epi32(c, d), cd_high = _mm256_unpackhi_epi32(c, d);
  return {{_mm256_unpacklo_epi64(ab_low, cd_low), _mm256_unpackhi_epi64(ab_low, cd_low),
           _mm256_unpacklo_epi64(ab_high, cd_high), _mm256_unpackhi_epi64(ab_high, cd_high)}};
}

// Whether the runs of a segment hold for `channels` <= 8 channels, `stride` apart.
bool segment_holds(const std::int8_t* weights, std::int64_t stride, int channels, std::int64_t elems,
                   const Limits& limits, std::int64_t steps) {
  constexpr int kRows = 8;
  constexpr std::int64_t kVector = 16;
  LaneSums sums;
  std::int64_t in_run = 0;
  const auto add_steps = [&](const FourSteps& four, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      sums.add(four.step[i]);
      if (++in_run < steps) continue;
      if (!limits.hold(sums)) return false;
      sums = LaneSums();
      in_run = 0;
    }
    return true;
  };
  std::int64_t k = 0;
  if (channels == kRows) {
    for (; k + kVector <= elems; k += kVector) {
      if (!add_steps(load_four_steps(weights + k, stride), kVector / kStepElems)) return false;
    }
  }
  for (; k < elems; k += kVector) {  // missing elements and channels are zeros
    const std::int64_t now = elems - k < kVector ? elems - k : kVector;
    std::int8_t block[kRows * kVector] = {};
    for (int c = 0; c < channels; ++c) {
      std::memcpy(block + c * kVector, weights + c * stride + k, static_cast<std::size_t>(now));
    }
    if (!add_steps(load_four_steps(block, kVector), (now + kStepElems - 1) / kStepElems)) return false;
  }
  return limits.hold(sums);
}

bool all_hold(const PanelWeights& panel, const Limits& limits, std::int64_t steps) {
  const std::int64_t depth = panel.segments * panel.segment_elems;
  for (int c = 0; c < panel.channels; c += 8) {
    const int channels = panel.channels - c < 8 ? panel.channels - c : 8;
    for (std::int64_t s = 0; s < panel.segments; ++s) {
      const std::int8_t* const segment = panel.weights + c * depth + s * panel.segment_elems;
      if (!segment_holds(segment, depth, channels, panel.segment_elems, limits, steps)) return false;
    }
  }
  return true;
}

}  // namespace

bool run_holds(const PanelWeights& panel, std::int32_t largest, std::int64_t steps) {
  return all_hold(panel, Limits(largest), steps);
}

AccumulationRun choose_run(const PanelWeights& panel, std::int32_t largest, const costs::AccumulationRuns& costs) {
  const Limits limits(largest);
  const std::int64_t segment_steps = (panel.segment_elems + kStepElems - 1) / kStepElems;
  AccumulationRun best{0, INT64_MAX};
  const auto consider = [&](std::int64_t steps) {
    const std::int64_t cost = cost_of(steps, segment_steps, costs);
    if (cost < best.cost && all_hold(panel, limits, steps)) best = {steps, cost};
  };
  // A run that is the whole depth is widened once. Tiles of its own do this.
  if (segment_steps > 1 && panel.segments == 1 && all_hold(panel, limits, segment_steps)) {
    return {segment_steps, 2 * segment_steps};
  }
  if (segment_steps > 1) consider(segment_steps);
  for (const std::int64_t steps : kStepCounts) {
    if (steps < segment_steps) consider(steps);
  }
  const std::int64_t always = cost_of_widening_always(segment_steps, costs);
  if (best.cost < always) return best;
  return {best.steps > 0 || all_hold(panel, limits, 1) ? 1 : 0, always};
}

}  // namespace narrow::kernels::avx2
