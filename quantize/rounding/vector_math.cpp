#include "quantize/rounding/vector_math.h"

#include "base/arithmetic.h"

namespace narrow::graph {
namespace {

// Bodies are compiled twice. Inlining into a function for a wider instruction set keeps every operation as it is
// written: there is no fused multiply-add in AVX2 alone, and contraction is off.
#define NARROW_INLINE static inline __attribute__((always_inline))
#define NARROW_WITH_AVX2 __attribute__((target("avx2")))

constexpr std::size_t kLanes = 32;

NARROW_INLINE float dot_body(const float* a, const float* b, std::size_t count) {
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (std::size_t l = 0; i + l < count; ++l) lanes[l] += a[i + l] * b[i + l];
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

NARROW_INLINE void add_scaled_body(float factor, const float* x, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

// 4 rows with 2 columns: the compiler keeps eight sums in registers and multiplies pairs of samples.
constexpr std::size_t kRows = 4;
constexpr std::size_t kColumns = 2;

NARROW_INLINE void product_tile(const std::int16_t* rows, const std::int16_t* columns, std::size_t stride,
                                std::size_t count, std::int32_t* tile) {
  std::int32_t sums[kRows][kColumns] = {};
  for (std::size_t s = 0; s < count; ++s) {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kColumns; ++j) {
        sums[i][j] += std::int32_t{rows[i * stride + s]} * std::int32_t{columns[j * stride + s]};
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kColumns; ++j) tile[i * kColumns + j] = sums[i][j];
  }
}

NARROW_INLINE void add_products_body(const std::int16_t* x, std::size_t depth, std::size_t stride, std::size_t count,
                                     std::size_t first, std::size_t last, std::int64_t* sums) {
  const std::size_t samples = base::round_up(count, std::size_t{16});
  for (std::size_t i = first; i < last; i += kRows) {
    for (std::size_t j = 0; j < i + kRows; j += kColumns) {
      std::int32_t tile[kRows * kColumns];
      product_tile(x + i * stride, x + j * stride, stride, samples, tile);
      for (std::size_t a = 0; a < kRows; ++a) {
        for (std::size_t b = 0; b < kColumns; ++b) sums[(i + a) * depth + j + b] += tile[a * kColumns + b];
      }
    }
  }
}

NARROW_WITH_AVX2 float dot_avx2(const float* a, const float* b, std::size_t count) { return dot_body(a, b, count); }
float dot_baseline(const float* a, const float* b, std::size_t count) { return dot_body(a, b, count); }

NARROW_WITH_AVX2 void add_scaled_avx2(float factor, const float* x, float* y, std::size_t count) {
  add_scaled_body(factor, x, y, count);
}
void add_scaled_baseline(float factor, const float* x, float* y, std::size_t count) {
  add_scaled_body(factor, x, y, count);
}

NARROW_WITH_AVX2 void add_products_avx2(const std::int16_t* x, std::size_t depth, std::size_t stride, std::size_t count,
                                        std::size_t first, std::size_t last, std::int64_t* sums) {
  add_products_body(x, depth, stride, count, first, last, sums);
}
void add_products_baseline(const std::int16_t* x, std::size_t depth, std::size_t stride, std::size_t count,
                           std::size_t first, std::size_t last, std::int64_t* sums) {
  add_products_body(x, depth, stride, count, first, last, sums);
}

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

}  // namespace

float dot(const float* a, const float* b, std::size_t count) {
  return kHasAvx2 ? dot_avx2(a, b, count) : dot_baseline(a, b, count);
}

void add_scaled(float factor, const float* x, float* y, std::size_t count) {
  kHasAvx2 ? add_scaled_avx2(factor, x, y, count) : add_scaled_baseline(factor, x, y, count);
}

void add_products(const std::int16_t* x, std::size_t depth, std::size_t stride, std::size_t count, std::size_t first,
                  std::size_t last, std::int64_t* sums) {
  kHasAvx2 ? add_products_avx2(x, depth, stride, count, first, last, sums)
           : add_products_baseline(x, depth, stride, count, first, last, sums);
}

}  // namespace narrow::graph
