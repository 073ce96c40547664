// The sums of a layer's weights, read once for the proofs and folded biases of all kernels.
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <limits>

#include "kernels/convolution.h"

namespace narrow::kernels {
namespace {

#ifdef __SSE2__
struct Lanes {
  __m128i positive = _mm_setzero_si128();  // two int64
  __m128i negative = _mm_setzero_si128();  // magnitude, two int64

  // Sixteen int8 numbers. As an unsigned byte, the magnitude of -128 is correct.
  void add(__m128i w) {
    const __m128i zero = _mm_setzero_si128();
    const __m128i below = _mm_cmpgt_epi8(zero, w);
    positive = _mm_add_epi64(positive, _mm_sad_epu8(_mm_andnot_si128(below, w), zero));
    negative = _mm_add_epi64(negative, _mm_sad_epu8(_mm_sub_epi8(zero, _mm_and_si128(below, w)), zero));
  }
};

std::int64_t total(__m128i lanes) {
  return _mm_cvtsi128_si64(lanes) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(lanes, lanes));
}

// Of the first weights, a multiple of 16 of them.
constexpr std::int64_t kVector = 16;
WeightSums sums_of_vectors(const std::int8_t* weights, std::int64_t count) {
  Lanes lanes;
  for (std::int64_t k = 0; k < count; k += kVector) {
    lanes.add(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + k)));
  }
  return {total(lanes.positive), -total(lanes.negative)};
}
#else
// There is no vector: one at a time.
constexpr std::int64_t kVector = std::numeric_limits<std::int64_t>::max();
WeightSums sums_of_vectors(const std::int8_t* /*weights*/, std::int64_t /*count*/) { return {}; }
#endif

WeightSums sums_of(const std::int8_t* weights, std::int64_t count) {
  std::int64_t k = count - count % kVector;
  WeightSums sums = sums_of_vectors(weights, k);
  for (; k < count; ++k) (weights[k] > 0 ? sums.positive : sums.negative) += weights[k];
  return sums;
}

}  // namespace

std::vector<WeightSums> sum_weights(const ConvolutionProblem& problem) {
  const std::int64_t depth = problem.shape.depth();
  std::vector<WeightSums> sums(static_cast<std::size_t>(problem.shape.out_c));
  const std::int8_t* weights = problem.weights;
  for (WeightSums& channel : sums) {
    channel = sums_of(weights, depth);
    weights += depth;
  }
  return sums;
}

}  // namespace narrow::kernels
