#include "kernels/avx2/direct/convolution_direct_avx2.h"

namespace narrow::kernels::avx2 {

void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const TileDepth& depth,
               const std::uint8_t* const* windows, std::int64_t pixels, const OpenPanel& open, int channels,
               void* output, std::int64_t index) {
  const bool whole = channels == kPanelChannels && problem.output_type == OutputType::kUint8;
  Acc acc[kTilePixels];
  while (pixels > 0) {
    // 7..11 pixels are two tiles of about one size rather than a full and a tiny one.
    const std::int64_t half = (pixels + 1) / 2;
    const int now = static_cast<int>(pixels <= kTilePixels ? pixels : (half < kTilePixels ? half : kTilePixels));
    open.tiles[now - 1](windows, depth, open.panel, stage, whole ? static_cast<std::uint8_t*>(output) + index : nullptr,
                        acc);
    if (!whole) {
      store_panel(problem, stage, acc, now, reinterpret_cast<const float*>(open.panel + 64), channels, output, index);
    }
    windows += now;
    pixels -= now;
    index += now * stage.out_c;
  }
}

}  // namespace narrow::kernels::avx2
