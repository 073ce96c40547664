#include "floating/gradients/fake_quantization.h"

namespace narrow::graph {
namespace {

// Bodies are compiled twice. Inlining into a function for a wider instruction set keeps every operation as it is
// written: there is no fused multiply-add in AVX2 alone, and contraction is off. Sums have lanes of their own, so that
// their order is the same in both.
#define NARROW_INLINE static inline __attribute__((always_inline))
#define NARROW_TWICE(result, name, parameters, arguments)                                         \
  __attribute__((target("avx2"))) result name##_avx2 parameters { return name##_body arguments; } \
  result name##_baseline parameters { return name##_body arguments; }

constexpr std::size_t kLanes = 16;
// Sums in single precision are moved to double precision after so many elements.
constexpr std::size_t kStretch = 4096;

NARROW_INLINE float larger(float a, float b) { return a > b ? a : b; }
NARROW_INLINE float smaller(float a, float b) { return a < b ? a : b; }
// To the nearest integer, halves to even, for |steps| < 2^22.
NARROW_INLINE float rounded(float steps) { return (steps + 0x1.8p23F) - 0x1.8p23F; }

// 1 or 0: a hash of 32 bits (the finalizer of MurmurHash3), whose highest bit decides.
NARROW_INLINE std::uint32_t is_chosen(std::uint32_t seed, std::uint32_t i) {
  std::uint32_t h = (i ^ seed) * 0x9E3779B1U;
  h ^= h >> 16;
  h *= 0x85EBCA6BU;
  h ^= h >> 13;
  h *= 0xC2B2AE35U;
  return h >> 31;
}

NARROW_INLINE double sum(const float* lanes) {
  double total = 0;
  for (std::size_t l = 0; l < kLanes; ++l) total += double{lanes[l]};
  return total;
}

// Calls element(i, lane) for all elements and returns the sum of what it adds to the lanes.
template <class Element>
NARROW_INLINE double for_each_lane(std::size_t count, const Element& element) {
  double total = 0;
  for (std::size_t begin = 0; begin < count; begin += kStretch) {
    const std::size_t end = count - begin < kStretch ? count : begin + kStretch;
    float lanes[kLanes] = {};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += element(i + l);
    }
    for (std::size_t l = 0; i + l < end; ++l) lanes[l] += element(i + l);
    total += sum(lanes);
  }
  return total;
}

NARROW_INLINE void round_body(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* y,
                              std::size_t count) {
  const LearnedGrid g = grid;
  const std::uint32_t on = unrounded.is_on ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float clamped = smaller(larger(x[i], g.clamp.lo), g.clamp.hi);
    const float level = rounded(smaller(larger(clamped / g.step, g.lo), g.hi));
    const std::uint32_t keep = is_chosen(unrounded.seed, static_cast<std::uint32_t>(i)) & on;
    y[i] = keep != 0 ? clamped : level * g.step;
  }
}

NARROW_INLINE double step_body(const LearnedGrid& grid, const RandomChoice& unrounded, const float* x, float* dx,
                               std::size_t count) {
  const LearnedGrid g = grid;
  const std::uint32_t on = unrounded.is_on ? 1 : 0;
  const std::uint32_t seed = unrounded.seed;
  return for_each_lane(
      count, [=](std::size_t i) __attribute__((always_inline)) {
        const float gradient = dx[i];
        const float clamped = smaller(larger(x[i], g.clamp.lo), g.clamp.hi);
        const float steps = clamped / g.step;
        const float within = smaller(larger(steps, g.lo), g.hi);
        const float level = rounded(within);
        const float keep =
            static_cast<float>(static_cast<std::int32_t>(is_chosen(seed, static_cast<std::uint32_t>(i)) & on));
        const float passes_clamp = x[i] == clamped ? 1.0F : 0.0F;
        const float passes_levels = within == steps ? 1.0F : keep;
        const float inside = within == steps ? passes_clamp * steps : 0.0F;
        dx[i] = gradient * (passes_clamp * passes_levels);
        return gradient * ((1.0F - keep) * (level - inside));
      });
}

NARROW_INLINE void clamp_body(const Clamp& clamp, const float* x, float* dx, std::size_t count) {
  const Clamp c = clamp;
  for (std::size_t i = 0; i < count; ++i) {
    const float clamped = smaller(larger(x[i], c.lo), c.hi);
    dx[i] = x[i] == clamped ? dx[i] : 0.0F;
  }
}

NARROW_INLINE void weights_body(float scale, const QRange& range, const float* w, float* y, std::size_t count) {
  const auto lo = static_cast<float>(range.lo);
  const auto hi = static_cast<float>(range.hi);
  for (std::size_t i = 0; i < count; ++i) y[i] = scale * rounded(smaller(larger(w[i], lo), hi));
}

NARROW_INLINE double scale_body(float scale, const QRange& range, const float* w, float* dw, std::size_t count) {
  const auto lo = static_cast<float>(range.lo);
  const auto hi = static_cast<float>(range.hi);
  return for_each_lane(
      count, [=](std::size_t i) __attribute__((always_inline)) {
        const float gradient = dw[i];
        const float within = smaller(larger(w[i], lo), hi);
        dw[i] = within == w[i] ? scale * gradient : 0.0F;
        return gradient * rounded(within);
      });
}

NARROW_INLINE void choose_body(const RandomChoice& choice, const float* a, const float* b, float* y,
                               std::size_t count) {
  const std::uint32_t on = choice.is_on ? 1 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float first = a[i];
    const float second = b[i];
    y[i] = (is_chosen(choice.seed, static_cast<std::uint32_t>(i)) & on) != 0 ? first : second;
  }
}

NARROW_INLINE double error_body(const float* y, const float* target, float factor, float* dy, std::size_t count) {
  return for_each_lane(
      count, [=](std::size_t i) __attribute__((always_inline)) {
        const float difference = y[i] - target[i];
        dy[i] = factor * difference;
        return difference * difference;
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

}  // namespace narrow::graph
