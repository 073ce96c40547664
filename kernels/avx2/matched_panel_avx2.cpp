#include "kernels/avx2/matched_panel_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr int kPending = 32;
constexpr int kElems = 4;
constexpr int kStepBytes = kMatchedChannels * kElems;

std::int64_t largest_of(const std::int64_t* counts) {
  std::int64_t largest = 0;
  for (int c = 0; c < kMatchedChannels; ++c) largest = counts[c] > largest ? counts[c] : largest;
  return largest;
}

// The sums of magnitudes of 16 lanes, 32 weights: unsigned, up to 256.
struct Magnitudes {
  __m256i positive, negative;

  explicit Magnitudes(__m256i w) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi8(1);
    positive = _mm256_maddubs_epi16(_mm256_max_epi8(w, zero), ones);
    // -w of -128 is right as an unsigned byte.
    negative = _mm256_maddubs_epi16(_mm256_sub_epi8(zero, _mm256_min_epi8(w, zero)), ones);
  }
  // Of 8 steps: one bit for each with a lane above `limit`.
  [[nodiscard]] int above(int limit) const {
    const __m256i limits = _mm256_set1_epi16(static_cast<std::int16_t>(limit));
    const __m256i lanes = _mm256_cmpgt_epi16(_mm256_max_epi16(positive, negative), limits);
    const __m256i none = _mm256_cmpeq_epi32(lanes, _mm256_setzero_si256());
    return 0xFF & ~_mm256_movemask_ps(_mm256_castsi256_ps(none));
  }
};

std::int64_t count_tails(const std::int8_t* weights, std::int64_t elems, int limit) {
  std::int64_t tails = 0;
  const auto count = [&](const std::int8_t* from) {
    const Magnitudes sums(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    // A tail takes limit / 2 at most.
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

// Moves up to `budget` of the magnitude of those of two weights that have this sign to `tail`. Returns what is left.
int move_to_tail(std::int8_t* weights, std::int8_t* tail, int sign, int budget) {
  int left = 0;
  for (int i = 0; i < 2; ++i) {
    const int magnitude = sign * std::int32_t{weights[i]};
    if (magnitude <= 0) continue;
    const int moved = magnitude < budget ? magnitude : budget;
    weights[i] = static_cast<std::int8_t>(weights[i] - sign * moved);
    tail[i] = static_cast<std::int8_t>(sign * moved);
    budget -= moved;
    left += magnitude - moved;
  }
  return left;
}

int magnitude_of(const std::int8_t* weights, int sign) {
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    const int magnitude = sign * std::int32_t{weights[i]};
    sum += magnitude > 0 ? magnitude : 0;
  }
  return sum;
}

// Packs steps one after the other: pairs from the front of the panel, singles from its back.
class Matcher {
 public:
  Matcher(std::int64_t steps, std::int64_t tail_pairs, int limit, std::byte* panel)
      : limit_(limit),
        parts_(steps, tail_pairs),
        places_(reinterpret_cast<std::uint16_t*>(panel + kPanelHeadSize)),
        weights_(panel + parts_.weights),
        tails_(reinterpret_cast<Tails*>(panel + parts_.tails)),
        back_(steps) {
    std::memset(panel + parts_.tails, 0, static_cast<std::size_t>(parts_.bytes - parts_.tails));
  }

  // w: [4 channels][4 elements].
  void add(std::int64_t step, const std::int8_t* w) {
    Step now;
    now.place = static_cast<std::uint16_t>(8 * step);
    std::memcpy(now.w, w, kStepBytes);
    const __m128i words = _mm_load_si128(reinterpret_cast<const __m128i*>(now.w));
    const Magnitudes sums(_mm256_castsi128_si256(words));
    int above = sums.above(limit_) & 0xF;
    for (; above != 0; above &= above - 1) move_tails(__builtin_ctz(static_cast<unsigned>(above)), now);
    const Magnitudes kept(_mm256_castsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(now.w))));
    now.sums = _mm_packus_epi16(_mm256_castsi256_si128(kept.positive), _mm256_castsi256_si128(kept.negative));
    match(now);
  }

  void finish(PanelHead& head) {
    for (int i = 0; i < pending_; ++i) single(steps_[i]);
    head.pairs = static_cast<std::int32_t>(front_ / 2);
    head.singles = static_cast<std::int32_t>(singles_);
    head.tail_pairs = static_cast<std::int32_t>((largest_of(tail_count_) + 1) / 2);
  }

 private:
  struct Step {
    alignas(16) std::int8_t w[kStepBytes];
    __m128i sums;  // uint8: of the lanes' positive weights, then of their negative ones
    std::uint16_t place;
  };

  void move_tails(int channel, Step& step) {
    std::int8_t* const w = step.w + channel * kElems;
    for (bool again = true; again;) {
      again = false;
      std::int8_t tail[kElems] = {};
      for (int lane = 0; lane < kElems; lane += 2) {
        for (const int sign : {1, -1}) {
          if (magnitude_of(w + lane, sign) <= limit_) continue;
          again |= move_to_tail(w + lane, tail + lane, sign, limit_ / 2) > limit_;
        }
      }
      const std::int64_t at = tail_count_[channel]++;
      Tails& tails = tails_[at / 2 * kMatchedChannels + channel];
      tails.places[at % 2] = step.place;
      std::memcpy(tails.weights[at % 2], tail, kElems);
    }
  }

  void match(const Step& now) {
    const __m128i limit = _mm_set1_epi8(static_cast<char>(limit_));
    for (int i = 0; i < pending_; ++i) {
      const __m128i both = _mm_adds_epu8(now.sums, steps_[i].sums);
      if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(both, limit), limit)) != 0xFFFF) continue;
      pair(steps_[i], now);
      remove(i);
      return;
    }
    if (pending_ == kPending) {
      single(steps_[0]);
      remove(0);
    }
    steps_[pending_++] = now;
  }

  void remove(int i) {
    --pending_;
    for (; i < pending_; ++i) steps_[i] = steps_[i + 1];
  }

  void pair(const Step& a, const Step& b) {
    std::byte* const to = weights_ + front_ * kStepBytes;
    const __m128i wa = _mm_load_si128(reinterpret_cast<const __m128i*>(a.w));
    const __m128i wb = _mm_load_si128(reinterpret_cast<const __m128i*>(b.w));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi32(wa, wb));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + 1, _mm_unpackhi_epi32(wa, wb));
    places_[front_++] = a.place;
    places_[front_++] = b.place;
  }

  void single(const Step& step) {
    ++singles_;
    places_[--back_] = step.place;
    std::memcpy(weights_ + back_ * kStepBytes, step.w, kStepBytes);
  }

  int limit_;
  PanelParts parts_;
  std::uint16_t* places_;
  std::byte* weights_;
  Tails* tails_;
  std::int64_t front_ = 0;
  std::int64_t back_;
  std::int64_t singles_ = 0;
  std::int64_t tail_count_[kMatchedChannels] = {};
  int pending_ = 0;
  Step steps_[kPending];
};

}  // namespace

std::int64_t count_tail_pairs(const MatchedWeights& weights, int limit) {
  std::int64_t tails[kMatchedChannels] = {};
  const std::int8_t* from = weights.weights;
  for (int c = 0; c < weights.channels; ++c) {
    for (std::int64_t s = 0; s < weights.segments; ++s, from += weights.segment_elems) {
      tails[c] += count_tails(from, weights.segment_elems, limit);
    }
  }
  return (largest_of(tails) + 1) / 2;
}

void pack_matched(const MatchedWeights& weights, int limit, std::byte* panel) {
  const std::int64_t depth = weights.segments * weights.segment_elems;
  Matcher matcher(weights.steps(), count_tail_pairs(weights, limit), limit, panel);
  std::int64_t step = 0;
  for (std::int64_t s = 0; s < weights.segments; ++s) {
    const std::int8_t* const from = weights.weights + s * weights.segment_elems;
    for (std::int64_t k = 0; k < weights.segment_elems; k += kElems, ++step) {
      const std::int64_t left = weights.segment_elems - k;
      const auto elems = static_cast<std::size_t>(left < kElems ? left : kElems);
      std::int8_t w[kStepBytes] = {};
      for (int c = 0; c < weights.channels; ++c) std::memcpy(w + c * kElems, from + c * depth + k, elems);
      matcher.add(step, w);
    }
  }
  matcher.finish(*reinterpret_cast<PanelHead*>(panel));
}

}  // namespace narrow::kernels::avx2
