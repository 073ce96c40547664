// convolution_1x1_s16_avx2: vpmaddwd multiplies x and w. It is exact for any 8 x 8 bits. See
// kernels/avx2/shared/pointwise_avx2.h.
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/pointwise_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// add() is an asm statement, because g++ 12 would move the sum to a new register in each depth step.
struct Words {
  static constexpr bool kBytes = false;
  static constexpr auto kCosts = &costs::Table::convolution_1x1_s16_avx2;
  static constexpr int kPixels[kPanelVectors] = {4, 4, 3, 2};
  static constexpr bool kFunctionForEachFinish = true;

  static Refusal refusal(const ConvolutionProblem& /*problem*/) { return {}; }
  NARROW_INLINE void begin(__m256i& sum, __m256i x, __m256i w, const std::byte* /*bias*/) {
    sum = _mm256_madd_epi16(x, w);
  }
  NARROW_INLINE void add(__m256i& sum, __m256i x, __m256i w) {
    __m256i product;
    __asm__ volatile("vpmaddwd %[w], %[x], %[product]\n\tvpaddd %[product], %[sum], %[sum]"
                     : [sum] "+x"(sum), [product] "=&x"(product)
                     : [x] "x"(x), [w] "x"(w));
  }
  NARROW_INLINE __m256i finish(__m256i sum, const std::byte* bias) { return _mm256_add_epi32(sum, load(bias)); }
};

using Kernel = Pointwise<Words>;

}  // namespace

const ConvolutionKernel kPointwiseS16 = Kernel::kernel("convolution_1x1_s16_avx2", Isa::kAvx2, InstructionMix::kWords);

}  // namespace narrow::kernels::avx2
