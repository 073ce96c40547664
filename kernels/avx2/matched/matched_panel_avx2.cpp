#include "kernels/avx2/matched/matched_panel_avx2.h"

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

// The sums of magnitudes of 16 lanes (32 weights) as unsigned numbers of at most 256.
struct Magnitudes {
  __m256i positive, negative;

  explicit Magnitudes(__m256i w) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi8(1);
    positive = _mm256_maddubs_epi16(_mm256_max_epi8(w, zero), ones);
    // As an unsigned byte, -w of w = -128 is correct.
    negative = _mm256_maddubs_epi16(_mm256_sub_epi8(zero, _mm256_min_epi8(w, zero)), ones);
  }
  // For 8 depth steps, one bit for each that has a lane above `limit`.
  [[nodiscard]] int above(int limit) const {
    const __m256i limits = _mm256_set1_epi16(static_cast<std::int16_t>(limit));
    const __m256i lanes = _mm256_cmpgt_epi16(_mm256_max_epi16(positive, negative), limits);
    const __m256i none = _mm256_cmpeq_epi32(lanes, _mm256_setzero_si256());
    return 0xFF & ~_mm256_movemask_ps(_mm256_castsi256_ps(none));
  }
};

// The part of 32 weights that moves to one tail each. A lane above the limit moves up to half of the limit, from its
// first weight where that suffices.
__m256i moving_part(__m256i w, const Magnitudes& sums, int limit) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i limits = _mm256_set1_epi16(static_cast<std::int16_t>(limit));
  const __m256i half = _mm256_set1_epi16(static_cast<std::int16_t>(limit / 2));
  const __m256i first = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
  const __m256i second = _mm256_srai_epi16(w, 8);
  const auto part = [&](__m256i a, __m256i b, __m256i lane, __m256i* of_b) {
    const __m256i above = _mm256_cmpgt_epi16(lane, limits);
    const __m256i of_a = _mm256_min_epi16(_mm256_max_epi16(a, zero), half);
    *of_b = _mm256_and_si256(above, _mm256_min_epi16(_mm256_max_epi16(b, zero), _mm256_sub_epi16(half, of_a)));
    return _mm256_and_si256(above, of_a);
  };
  __m256i up2, down2;
  const __m256i up1 = part(first, second, sums.positive, &up2);
  const __m256i down1 = part(_mm256_sub_epi16(zero, first), _mm256_sub_epi16(zero, second), sums.negative, &down2);
  const __m256i low = _mm256_and_si256(_mm256_sub_epi16(up1, down1), _mm256_set1_epi16(0xFF));
  return _mm256_or_si256(low, _mm256_slli_epi16(_mm256_sub_epi16(up2, down2), 8));
}

constexpr int kPending = 6;
constexpr int kElems = 4;
constexpr int kStepBytes = kMatchedChannels * kElems;

std::int64_t tails_of_segment(const std::int8_t* weights, std::int64_t elems, int limit) {
  std::int64_t tails = 0;
  const auto count = [&](const std::int8_t* from) {
    const Magnitudes sums(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    // A tail takes at most limit / 2.
    tails += __builtin_popcount(static_cast<unsigned>(sums.above(limit))) +
             __builtin_popcount(static_cast<unsigned>(sums.above(limit + limit / 2)));
  };
  for (; elems >= 32; elems -= 32, weights += 32) count(weights);
  if (elems > 0) {
    alignas(32) std::int8_t rest[32] = {};
    std::memcpy(rest, weights, static_cast<std::size_t>(elems));
    count(rest);
  }
  return tails;
}

// Packs depth steps one after the other: pairs from the front of the panel, singles from its back. Without a panel it
// only counts them.
class Matcher {
 public:
  Matcher(std::int64_t steps, int limit, std::byte* panel)
      : limits_(_mm_set1_epi8(static_cast<char>(limit))),
        panel_(panel),
        places_(reinterpret_cast<std::uint16_t*>(panel_at(kPanelHeadSize))),
        weights_(panel_at(PanelParts(steps, 0).weights)),
        tails_(reinterpret_cast<TailPair*>(panel_at(PanelParts(steps, 0).tails))),
        back_(steps),
        limit_(limit) {
    for (int i = 0; i < kPending; ++i) release(i);
  }

  // The weights of 1 or 2 depth steps from `step` on: [step][4 channels][4 elements].
  void add(std::int64_t step, int count, __m256i w) {
    Magnitudes sums(w);
    for (int above = sums.above(limit_); above != 0; above = sums.above(limit_)) {
      const __m256i moving = moving_part(w, sums, limit_);
      add_tails(step, above, moving);
      w = _mm256_sub_epi8(w, moving);
      sums = Magnitudes(w);
    }
    const __m256i bytes = _mm256_packus_epi16(sums.positive, sums.negative);
    match(_mm256_castsi256_si128(w), _mm256_castsi256_si128(bytes), place_of(step));
    if (count > 1) match(_mm256_extracti128_si256(w, 1), _mm256_extracti128_si256(bytes, 1), place_of(step + 1));
  }

  MatchedCounts finish() {
    for (int i = 0; i < kPending; ++i) {
      if ((free_ >> i & 1) == 0) single(steps_[i]);
    }
    return {front_ / 2, singles_, tail_pairs_};
  }

 private:
  struct Step {
    __m128i w;
    __m128i sums;  // uint8: of the lanes' positive weights, then of their negative ones
    std::uint16_t place;
  };

  [[nodiscard]] std::byte* panel_at(std::int64_t offset) const { return panel_ == nullptr ? nullptr : panel_ + offset; }

  static std::uint16_t place_of(std::int64_t step) { return static_cast<std::uint16_t>(8 * step); }

  // `above` holds one bit for each depth step and channel.
  void add_tails(std::int64_t step, int above, __m256i moving) {
    alignas(32) std::int8_t parts[2 * kStepBytes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(parts), moving);
    for (; above != 0; above &= above - 1) {
      const int part = __builtin_ctz(static_cast<unsigned>(above));
      const int channel = part % kMatchedChannels;
      const std::int64_t at = tail_count_[channel]++;
      const bool first = at / 2 == tail_pairs_;
      if (first) ++tail_pairs_;
      if (panel_ == nullptr) continue;
      if (first) tails_[at / 2] = {};
      tails_[at / 2].places[channel][at % 2] = place_of(step + part / kMatchedChannels);
      std::memcpy(tails_[at / 2].weights[channel][at % 2], parts + part * kElems, kElems);
    }
  }

  [[gnu::noinline]] void match(__m128i w, __m128i sums, std::uint16_t place) {
    const Step now{w, sums, place};
    if (const unsigned fits = partners(now.sums); fits != 0) {
      const int slot = __builtin_ctz(fits);
      pair(steps_[slot], now);
      release(slot);
      return;
    }
    int slot = next_out_;
    if (free_ != 0) {
      slot = __builtin_ctz(free_);
      free_ &= free_ - 1;
    } else {
      single(steps_[slot]);
      next_out_ = (next_out_ + 1) % kPending;
    }
    steps_[slot] = now;
    sums_[slot] = now.sums;
  }

  // A bit for each pending depth step that may be added to one with these sums. All are compared at once. A loop that
  // ends at the first match takes longer, because its end can't be predicted.
  [[nodiscard]] unsigned partners(__m128i sums) const {
    const auto beyond = [&](int slot) { return _mm_subs_epu8(_mm_adds_epu8(sums, sums_[slot]), limits_); };
    unsigned fits = 0;
    for (int i = 0; i < kPending; i += 2) {
      const __m128i a = beyond(i), b = beyond(i + 1);
      const __m128i any = _mm_or_si128(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
      const __m128i none = _mm_cmpeq_epi64(any, _mm_setzero_si128());
      fits |= static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(none))) << i;
    }
    return fits;
  }

  void release(int slot) {
    sums_[slot] = _mm_set1_epi8(-1);  // above any limit
    free_ |= 1U << slot;
  }

  void pair(const Step& a, const Step& b) {
    if (panel_ == nullptr) {
      front_ += 2;
      return;
    }
    __m128i* const to = reinterpret_cast<__m128i*>(weights_ + front_ * kStepBytes);
    _mm_storeu_si128(to, _mm_unpacklo_epi32(a.w, b.w));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi32(a.w, b.w));
    places_[front_++] = a.place;
    places_[front_++] = b.place;
  }

  void single(const Step& step) {
    ++singles_;
    if (panel_ == nullptr) return;
    places_[--back_] = step.place;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(weights_ + back_ * kStepBytes), step.w);
  }

  alignas(32) __m128i sums_[kPending];
  Step steps_[kPending];
  __m128i limits_;
  std::byte* panel_;
  std::uint16_t* places_;
  std::byte* weights_;
  TailPair* tails_;
  std::int64_t front_ = 0;
  std::int64_t back_;
  std::int64_t singles_ = 0;
  std::int64_t tail_pairs_ = 0;
  std::int64_t tail_count_[kMatchedChannels] = {};
  int limit_;
  unsigned free_ = 0;
  int next_out_ = 0;
};

// Four depth steps of the panel's channels, from [channel][4 steps][4 elements] to [step][channel].
struct FourSteps {
  __m256i first, second;

  FourSteps(const MatchedWeights& weights, std::int64_t at) {
    const auto row = [&](int c) {
      const std::int8_t* const channel = weights.channels[c];
      if (channel == nullptr) return _mm_setzero_si128();
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(channel + at));
    };
    const __m128i r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
    const __m128i low01 = _mm_unpacklo_epi32(r0, r1), low23 = _mm_unpacklo_epi32(r2, r3);
    const __m128i high01 = _mm_unpackhi_epi32(r0, r1), high23 = _mm_unpackhi_epi32(r2, r3);
    first = _mm256_set_m128i(_mm_unpackhi_epi64(low01, low23), _mm_unpacklo_epi64(low01, low23));
    second = _mm256_set_m128i(_mm_unpackhi_epi64(high01, high23), _mm_unpacklo_epi64(high01, high23));
  }
};

void add_all(const MatchedWeights& weights, const MatchedWindow& window, Matcher& matcher) {
  constexpr std::int64_t kElemsAtOnce = 4 * kElems;
  std::int64_t step = 0;
  for (std::int64_t s = 0; s < window.segments; ++s) {
    std::int64_t at = s * window.segment_elems;
    std::int64_t left = window.segment_elems;
    for (; left >= kElemsAtOnce; left -= kElemsAtOnce, at += kElemsAtOnce, step += 4) {
      const FourSteps four(weights, at);
      matcher.add(step, 2, four.first);
      matcher.add(step + 2, 2, four.second);
    }
    if (left == 0) continue;
    std::int8_t rest[kMatchedChannels][kElemsAtOnce] = {};
    for (int c = 0; c < kMatchedChannels; ++c) {
      if (weights.channels[c] == nullptr) continue;
      std::memcpy(rest[c], weights.channels[c] + at, static_cast<std::size_t>(left));
    }
    const FourSteps four({{rest[0], rest[1], rest[2], rest[3]}}, 0);
    const int steps = static_cast<int>((left + kElems - 1) / kElems);
    matcher.add(step, steps > 1 ? 2 : 1, four.first);
    if (steps > 2) matcher.add(step + 2, steps - 2, four.second);
    step += steps;
  }
}

}  // namespace

std::int64_t count_tails(const std::int8_t* weights, const MatchedWindow& window, int limit) {
  std::int64_t tails = 0;
  for (std::int64_t s = 0; s < window.segments; ++s, weights += window.segment_elems) {
    tails += tails_of_segment(weights, window.segment_elems, limit);
  }
  return tails;
}

MatchedCounts count_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit) {
  Matcher matcher(window.steps(), limit, nullptr);
  add_all(weights, window, matcher);
  return matcher.finish();
}

void pack_matched(const MatchedWeights& weights, const MatchedWindow& window, int limit, std::byte* panel) {
  Matcher matcher(window.steps(), limit, panel);
  add_all(weights, window, matcher);
  PanelHead& head = *reinterpret_cast<PanelHead*>(panel);
  const MatchedCounts counts = matcher.finish();
  head.pairs = static_cast<std::int32_t>(counts.pairs);
  head.singles = static_cast<std::int32_t>(counts.singles);
  head.tail_pairs = static_cast<std::int32_t>(counts.tail_pairs);
}

}  // namespace narrow::kernels::avx2
