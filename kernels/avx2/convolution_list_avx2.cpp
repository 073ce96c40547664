#include "kernels/avx2/families_avx2.h"

namespace narrow::kernels::avx2 {

// The cost decides. Among equal costs the first of the list is chosen.
const ConvolutionKernel* const* convolution_list(std::size_t* count) {
  static constexpr const ConvolutionKernel* kList[] = {
      &kDepthwiseU8,  &kDepthwiseS16,   &kPointwiseA16, &kConvolutionA16, &kConvolutionU8,  &kConvolutionMatched,
      &kPointwiseS16, &kConvolutionS16, &kWinogradU8,   &kWinogradS16,    &kWinogradStrided};
  *count = sizeof(kList) / sizeof(kList[0]);
  return kList;
}

const ConvolutionF32Kernel* const* convolution_f32_list(std::size_t* count) {
  static constexpr const ConvolutionF32Kernel* kList[] = {&kConvolutionF32};
  *count = sizeof(kList) / sizeof(kList[0]);
  return kList;
}

}  // namespace narrow::kernels::avx2
