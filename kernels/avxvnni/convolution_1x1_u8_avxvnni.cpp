// convolution_1x1_u8_avxvnni: see kernels/avx2/shared/pointwise_avx2.h.
#include "kernels/avx2/shared/pointwise_avx2.h"
#include "kernels/avxvnni/convolution_avxvnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avxvnni {
namespace {

struct Dot {
  static constexpr bool kBytes = true;
  static constexpr auto kCosts = &costs::Table::convolution_1x1_u8_avxvnni;
  static constexpr int kPixels[avx2::kPanelVectors] = {4, 4, 3, 2};
  static constexpr bool kFunctionForEachFinish = true;

  static Refusal refusal(const ConvolutionProblem& /*problem*/) { return {}; }
  NARROW_INLINE void begin(__m256i& sum, __m256i x, __m256i w, const std::byte* bias) {
    sum = avx2::load(bias);
    add(sum, x, w);
  }
  NARROW_INLINE void add(__m256i& sum, __m256i x, __m256i w) {
#ifdef __AVXVNNI__
    __asm__ volatile("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
#else
    __asm__ volatile("vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
#endif
  }
  NARROW_INLINE __m256i finish(__m256i sum, const std::byte* /*bias*/) { return sum; }
};

using Kernel = avx2::Pointwise<Dot>;

}  // namespace

const ConvolutionKernel kPointwiseU8 =
    Kernel::kernel("convolution_1x1_u8_avxvnni", Isa::kAvxVnni, InstructionMix::kDot);

}  // namespace narrow::kernels::avxvnni
