#include "floating/gradients/fake_quantization.h"

#include <cstring>

namespace narrow::graph {
namespace {

// Bodies are compiled twice, for vectors of two widths. Written as loops they stay scalar: a choice becomes a
// branch, which is predicted wrongly half of the time where it is random.
// Every operation is kept as it is written, because contraction is off, and sums have lanes of their own, so that their
// order is the same everywhere.
#define NARROW_INLINE static inline __attribute__((always_inline))
#define NARROW_TWICE(result, name, parameters, arguments)                                            \
  __attribute__((target("avx2"))) result name##_avx2 parameters { return name##_body<8> arguments; } \
  result name##_baseline parameters { return name##_body<4> arguments; }

template <std::size_t kWidth>
struct Vector;
#define NARROW_VECTOR(width)                                                                               \
  template <>                                                                                              \
  struct Vector<width> {                                                                                   \
    using Floats = float __attribute__((vector_size(width * sizeof(float))));                              \
    using Words = std::uint32_t __attribute__((vector_size(width * sizeof(float))));                       \
    using Masks = std::int32_t __attribute__((vector_size(width * sizeof(float)))); /* all bits or none */ \
  };
NARROW_VECTOR(4)
NARROW_VECTOR(8)

constexpr std::size_t kLanes = 16;  // of sums, whatever the width of vectors
// Sums in single precision are moved to double precision after so many elements.
constexpr std::size_t kStretch = 4096;

// The first `count` lanes; the others are 0, which adds nothing to any sum.
template <class Floats>
NARROW_INLINE void load(const float* from, std::size_t count, Floats& lanes) {
  lanes = Floats{};
  std::memcpy(&lanes, from, count * sizeof(float));
}
template <class Floats>
NARROW_INLINE void store(const Floats& lanes, std::size_t count, float* to) {
  std::memcpy(to, &lanes, count * sizeof(float));
}

template <class Floats>
NARROW_INLINE void limit(Floats& x, float lo, float hi) {
  x = x > lo ? x : Floats{} + lo;
  x = x < hi ? x : Floats{} + hi;
}
// 0 where the mask is not set.
template <class Masks, class Floats>
NARROW_INLINE void keep_where(const Masks& mask, Floats& x) {
  x = __builtin_bit_cast(Floats, __builtin_bit_cast(Masks, x) & mask);
}
// To the nearest integer, halves to even, for |steps| < 2^22.
template <class Floats>
NARROW_INLINE void round_lanes(Floats& steps) {
  steps = (steps + 0x1.8p23F) - 0x1.8p23F;
}

// Of elements i and following: a hash of 32 bits (the finalizer of MurmurHash3), whose highest bit decides.
template <std::size_t kWidth>
NARROW_INLINE void choose_lanes(const RandomChoice& choice, std::size_t i, typename Vector<kWidth>::Masks& chosen) {
  using Masks = typename Vector<kWidth>::Masks;
  using Words = typename Vector<kWidth>::Words;
  constexpr std::uint32_t kNumbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
  Words h;
  std::memcpy(&h, kNumbers, sizeof(h));
  h = ((static_cast<std::uint32_t>(i) + h) ^ choice.seed) * 0x9E3779B1U;
  h ^= h >> 16;
  h *= 0x85EBCA6BU;
  h ^= h >> 13;
  h *= 0xC2B2AE35U;
  chosen = (__builtin_bit_cast(Masks, h) >> 31) & (choice.is_on ? -1 : 0);
}

// Calls lanes(i, n) for elements i to i + n.
template <std::size_t kWidth, class Lanes>
NARROW_INLINE void for_each(std::size_t count, const Lanes& lanes) {
  std::size_t i = 0;
  for (; i + kWidth <= count; i += kWidth) lanes(i, kWidth);
  if (i < count) lanes(i, count - i);
}

// Calls lanes(i, n, sums) for elements i to i + n, and returns the sum of what it adds to the lanes of `sums`.
template <std::size_t kWidth, class Lanes>
NARROW_INLINE double for_each_and_sum(std::size_t count, const Lanes& lanes) {
  constexpr std::size_t kVectors = kLanes / kWidth;
  double total = 0;
  for (std::size_t begin = 0; begin < count; begin += kStretch) {
    const std::size_t end = count - begin < kStretch ? count : begin + kStretch;
    typename Vector<kWidth>::Floats sums[kVectors] = {};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::size_t v = 0; v < kVectors; ++v) lanes(i + v * kWidth, kWidth, sums[v]);
    }
    for (std::size_t v = 0; i < end; ++v) {
      const std::size_t n = end - i < kWidth ? end - i : kWidth;
      lanes(i, n, sums[v]);
      i += n;
    }
    float lane[kLanes];
    std::memcpy(lane, sums, sizeof(lane));
    for (const float x : lane) total += double{x};
  }
  return total;
}

template <std::size_t kWidth>
NARROW_INLINE void round_body(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* y,
                              std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  using Masks = typename Vector<kWidth>::Masks;
  const LearnedGrid g = grid;
  const RandomChoice choice = unrounded;
  for_each<kWidth>(
      count, [=](std::size_t i, std::size_t n) __attribute__((always_inline)) {
        Floats clamped;
        load(x + i, n, clamped);
        limit(clamped, g.clamp.lo, g.clamp.hi);
        Floats level = clamped / g.step;
        limit(level, g.lo, g.hi);
        round_lanes(level);
        Masks keep;
        choose_lanes<kWidth>(choice, i, keep);
        const Floats result = keep ? clamped : level * g.step;
        store(result, n, y + i);
      });
}

template <std::size_t kWidth>
NARROW_INLINE double step_body(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* dx,
                               std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  using Masks = typename Vector<kWidth>::Masks;
  const LearnedGrid g = grid;
  const RandomChoice choice = unrounded;
  return for_each_and_sum<kWidth>(
      count, [=](std::size_t i, std::size_t n, Floats & sums) __attribute__((always_inline)) {
        Floats gradient;
        load(dx + i, n, gradient);
        Floats given;
        load(x + i, n, given);
        Floats clamped = given;
        limit(clamped, g.clamp.lo, g.clamp.hi);
        const Floats steps = clamped / g.step;
        Floats within = steps;
        limit(within, g.lo, g.hi);
        Floats level = within;
        round_lanes(level);
        Masks chosen;
        choose_lanes<kWidth>(choice, i, chosen);
        const Masks passes_clamp = given == clamped;
        const Masks is_within = within == steps;
        Floats inside = steps;
        keep_where(passes_clamp & is_within, inside);
        Floats of_step = gradient * (level - inside);
        keep_where(~chosen, of_step);
        sums += of_step;
        keep_where(passes_clamp & (is_within | chosen), gradient);
        store(gradient, n, dx + i);
      });
}

template <std::size_t kWidth>
NARROW_INLINE void clamp_body(const Clamp& clamp, const float* x, float* dx, std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  using Masks = typename Vector<kWidth>::Masks;
  const Clamp c = clamp;
  for_each<kWidth>(
      count, [=](std::size_t i, std::size_t n) __attribute__((always_inline)) {
        Floats given;
        load(x + i, n, given);
        Floats clamped = given;
        limit(clamped, c.lo, c.hi);
        Floats gradient;
        load(dx + i, n, gradient);
        const Masks passes = given == clamped;
        keep_where(passes, gradient);
        store(gradient, n, dx + i);
      });
}

template <std::size_t kWidth>
NARROW_INLINE void weights_body(float scale, const QRange& range, const float* w, float* y, std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  const auto lo = static_cast<float>(range.lo);
  const auto hi = static_cast<float>(range.hi);
  for_each<kWidth>(
      count, [=](std::size_t i, std::size_t n) __attribute__((always_inline)) {
        Floats level;
        load(w + i, n, level);
        limit(level, lo, hi);
        round_lanes(level);
        store(scale * level, n, y + i);
      });
}

template <std::size_t kWidth>
NARROW_INLINE double scale_body(float scale, const QRange& range, const float* w, float* dw, std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  using Masks = typename Vector<kWidth>::Masks;
  const auto lo = static_cast<float>(range.lo);
  const auto hi = static_cast<float>(range.hi);
  return for_each_and_sum<kWidth>(
      count, [=](std::size_t i, std::size_t n, Floats & sums) __attribute__((always_inline)) {
        Floats gradient;
        load(dw + i, n, gradient);
        Floats given;
        load(w + i, n, given);
        Floats level = given;
        limit(level, lo, hi);
        Floats result = scale * gradient;
        const Masks is_within = level == given;
        keep_where(is_within, result);
        store(result, n, dw + i);
        round_lanes(level);
        sums += gradient * level;
      });
}

template <std::size_t kWidth>
NARROW_INLINE void choose_body(const RandomChoice& choice, const float* a, const float* b, float* y,
                               std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  using Masks = typename Vector<kWidth>::Masks;
  const RandomChoice c = choice;
  for_each<kWidth>(
      count, [=](std::size_t i, std::size_t n) __attribute__((always_inline)) {
        Floats first;
        load(a + i, n, first);
        Floats second;
        load(b + i, n, second);
        Masks chosen;
        choose_lanes<kWidth>(c, i, chosen);
        const Floats result = chosen ? first : second;
        store(result, n, y + i);
      });
}

template <std::size_t kWidth>
NARROW_INLINE double error_body(const float* y, const float* target, float factor, float* dy, std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  return for_each_and_sum<kWidth>(
      count, [=](std::size_t i, std::size_t n, Floats & sums) __attribute__((always_inline)) {
        Floats difference;
        load(y + i, n, difference);
        Floats wanted;
        load(target + i, n, wanted);
        difference -= wanted;
        store(factor * difference, n, dy + i);
        sums += difference * difference;
      });
}

template <std::size_t kWidth>
NARROW_INLINE double squares_body(const float* x, std::size_t count) {
  using Floats = typename Vector<kWidth>::Floats;
  return for_each_and_sum<kWidth>(
      count, [=](std::size_t i, std::size_t n, Floats & sums) __attribute__((always_inline)) {
        Floats lanes;
        load(x + i, n, lanes);
        sums += lanes * lanes;
      });
}

NARROW_TWICE(void, round, (const LearnedGrid& g, const RandomChoice& u, const float* x, float* y, std::size_t n),
             (g, u, x, y, n))
NARROW_TWICE(double, step, (const LearnedGrid& g, const RandomChoice& u, const float* x, float* dx, std::size_t n),
             (g, u, x, dx, n))
NARROW_TWICE(void, clamp, (const Clamp& c, const float* x, float* dx, std::size_t n), (c, x, dx, n))
NARROW_TWICE(void, weights, (float s, const QRange& r, const float* w, float* y, std::size_t n), (s, r, w, y, n))
NARROW_TWICE(double, scale, (float s, const QRange& r, const float* w, float* dw, std::size_t n), (s, r, w, dw, n))
NARROW_TWICE(void, choose, (const RandomChoice& c, const float* a, const float* b, float* y, std::size_t n),
             (c, a, b, y, n))
NARROW_TWICE(double, error, (const float* y, const float* t, float f, float* dy, std::size_t n), (y, t, f, dy, n))
NARROW_TWICE(double, squares, (const float* x, std::size_t n), (x, n))

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

}  // namespace

void round_activations(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* y,
                       std::size_t count) {
  (kHasAvx2 ? round_avx2 : round_baseline)(grid, unrounded, x, y, count);
}

double step_gradient(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* gradient,
                     std::size_t count) {
  return (kHasAvx2 ? step_avx2 : step_baseline)(grid, unrounded, x, gradient, count);
}

void clamp_gradient(const Clamp& clamp, const float* x, float* gradient, std::size_t count) {
  (kHasAvx2 ? clamp_avx2 : clamp_baseline)(clamp, x, gradient, count);
}

void round_weights(float scale, const QRange& range, const float* w, float* rounded_weights, std::size_t count) {
  (kHasAvx2 ? weights_avx2 : weights_baseline)(scale, range, w, rounded_weights, count);
}

double scale_gradient(float scale, const QRange& range, const float* w, float* dw, std::size_t count) {
  return (kHasAvx2 ? scale_avx2 : scale_baseline)(scale, range, w, dw, count);
}

void choose_elements(const RandomChoice& choice, const float* a, const float* b, float* y, std::size_t count) {
  (kHasAvx2 ? choose_avx2 : choose_baseline)(choice, a, b, y, count);
}

double error_gradient(const float* y, const float* target, float factor, float* dy, std::size_t count) {
  return (kHasAvx2 ? error_avx2 : error_baseline)(y, target, factor, dy, count);
}

double sum_of_squares(const float* x, std::size_t count) {
  return (kHasAvx2 ? squares_avx2 : squares_baseline)(x, count);
}

}  // namespace narrow::graph
