// convolution_1x1_a16_avx2: vpmaddubsw multiplies x and w, and the results are added in 16-bit lanes. It is exact where
// the weights prove that whole sums fit. See kernels/avx2/shared/pointwise_avx2.h.
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/avx2/shared/pointwise_avx2.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// add() is an asm statement, because g++ 12 would move the sum to a new register in each depth step.
struct Sums16 {
  static constexpr bool kBytes = true;
  static constexpr auto kCosts = &costs::Table::convolution_1x1_a16_avx2;
  static constexpr int kPixels[kPanelVectors] = {4, 4, 3, 2};
  static constexpr bool kFunctionForEachFinish = true;

  static Refusal refusal(const ConvolutionProblem& problem) {
    const PanelWeights all{problem.weights, problem.shape.out_c, 1, problem.shape.in_c};
    if (run_holds(all, largest_byte(problem), problem.shape.in_c / 4)) return {};
    return {.why = "a whole sum of products may exceed int16"};
  }
  NARROW_INLINE void begin(__m256i& sum, __m256i x, __m256i w, const std::byte* /*bias*/) {
    sum = _mm256_maddubs_epi16(x, w);
  }
  NARROW_INLINE void add(__m256i& sum, __m256i x, __m256i w) {
    __m256i product;
    __asm__ volatile("vpmaddubsw %[w], %[x], %[product]\n\tvpaddw %[product], %[sum], %[sum]"
                     : [sum] "+x"(sum), [product] "=&x"(product)
                     : [x] "x"(x), [w] "x"(w));
  }
  NARROW_INLINE __m256i finish(__m256i sum, const std::byte* bias) {
    const std::int16_t* ones = kOnes;
    __asm__ volatile("" : "+r"(ones));
    return _mm256_add_epi32(_mm256_madd_epi16(sum, load(ones)), load(bias));
  }
};

using Kernel = Pointwise<Sums16>;

}  // namespace

const ConvolutionKernel kPointwiseA16 = Kernel::kernel("convolution_1x1_a16_avx2", Isa::kAvx2, InstructionMix::kSums16);

}  // namespace narrow::kernels::avx2
