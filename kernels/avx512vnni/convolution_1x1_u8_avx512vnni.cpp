// convolution_1x1_u8_avx512vnni: see kernels/avx2/shared/pointwise_avx2.h. Vectors have 256 bits. On cores that split
// vectors of 512 bits they are equally fast, and layers of 8, 24 or 40 channels fill them completely.
#include "kernels/avx2/shared/pointwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

struct Dot {
  static constexpr bool kBytes = true;
  static constexpr auto kCosts = &costs::Table::convolution_1x1_u8_avx512vnni;
  static constexpr int kPixels[avx2::kPanelVectors] = {6, 6, 4, 4};
  static constexpr bool kFunctionForEachFinish = false;

  static Refusal refusal(const ConvolutionProblem& /*problem*/) { return {}; }
  NARROW_INLINE void begin(__m256i& sum, __m256i x, __m256i w, const std::byte* bias) {
    sum = avx2::load(bias);
    add(sum, x, w);
  }
  NARROW_INLINE void add(__m256i& sum, __m256i x, __m256i w) {
    __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
  }
  NARROW_INLINE __m256i finish(__m256i sum, const std::byte* /*bias*/) { return sum; }
};

using Kernel = avx2::Pointwise<Dot>;

}  // namespace

const ConvolutionKernel kPointwiseU8 =
    Kernel::kernel("convolution_1x1_u8_avx512vnni", Isa::kAvx512Vnni, InstructionMix::kWideDot);

}  // namespace narrow::kernels::avx512vnni
