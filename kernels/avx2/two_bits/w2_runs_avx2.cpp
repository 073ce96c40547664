#include "kernels/avx2/two_bits/w2_runs_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kUnitElems = 2 * kRunUnit;
constexpr std::int64_t kByteLevels = 254;  // what compares with thresholds needs one more level

// The sums of the weights above and below 0.
struct SignSums {
  std::int64_t positive = 0;
  std::int64_t negative = 0;  // <= 0
};

SignSums sums_of(const std::int8_t* weights, std::int64_t count) {
  const __m128i zero = _mm_setzero_si128();
  __m128i positive = zero, magnitude = zero;
  const auto add = [&](__m128i w) {
    positive = _mm_add_epi64(positive, _mm_sad_epu8(_mm_max_epi8(w, zero), zero));
    magnitude = _mm_add_epi64(magnitude, _mm_sad_epu8(_mm_abs_epi8(w), zero));
  };
  std::int64_t i = 0;
  for (; i + kUnitElems <= count; i += kUnitElems) {
    add(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + i)));
  }
  if (i < count) {
    std::int8_t rest[kUnitElems] = {};
    std::memcpy(rest, weights + i, static_cast<std::size_t>(count - i));
    add(_mm_load_si128(reinterpret_cast<const __m128i*>(rest)));
  }
  const auto total = [](__m128i v) { return _mm_cvtsi128_si64(v) + _mm_extract_epi64(v, 1); };
  return {total(positive), total(positive) - total(magnitude)};
}

// The extremes of all runs of all channels.
SignSums extremes(const PanelWeights& panel, std::int64_t run_elems) {
  SignSums most;
  const std::int8_t* segment = panel.weights;
  for (std::int64_t s = 0; s < panel.channels * panel.segments; ++s, segment += panel.segment_elems) {
    for (std::int64_t k = 0; k < panel.segment_elems; k += run_elems) {
      const std::int64_t left = panel.segment_elems - k;
      const SignSums sums = sums_of(segment + k, left < run_elems ? left : run_elems);
      if (sums.positive > most.positive) most.positive = sums.positive;
      if (sums.negative < most.negative) most.negative = sums.negative;
    }
  }
  return most;
}

}  // namespace

ByteRun choose_byte_run(const PanelWeights& panel, std::int32_t largest) {
  const auto levels_of = [&](const SignSums& most) { return largest * (most.positive - most.negative); };
  const auto run_of = [&](std::int64_t pairs, const SignSums& most, bool whole) {
    return ByteRun{pairs, static_cast<std::uint8_t>(-largest * most.negative), whole};
  };
  const std::int64_t depth = panel.segments * panel.segment_elems;
  const SignSums all = extremes({panel.weights, panel.channels, 1, depth}, depth);
  if (levels_of(all) <= kByteLevels) return run_of(depth / 2, all, true);
  const std::int64_t units = (panel.segment_elems + kUnitElems - 1) / kUnitElems;
  for (std::int64_t runs = 1;;) {
    const std::int64_t run_units = (units + runs - 1) / runs;
    const SignSums most = extremes(panel, run_units * kUnitElems);
    const std::int64_t levels = levels_of(most);
    if (levels <= kByteLevels) return run_of(run_units * kRunUnit, most, false);
    if (run_units == 1) return {0, 0, false};
    // The extremes of shorter runs are at least in proportion to their length.
    const std::int64_t by_levels = runs * levels / kByteLevels;
    const std::int64_t by_length = (units + run_units - 2) / (run_units - 1);  // the next shorter run
    runs = by_levels > by_length ? by_levels : by_length;
    if (runs > units) runs = units;
  }
}

}  // namespace narrow::kernels::avx2
