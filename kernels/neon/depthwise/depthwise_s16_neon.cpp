// depthwise_s16_neon: one filter for each channel, any window, stride, dilation and padding. The zero point is
// subtracted from each input byte, which gives a 16-bit number, and `smlal` adds its product with a 16-bit weight to a
// 32-bit sum. Taps in the padding are skipped, so that the bias needs no correction. Four neighbouring output pixels
// share the weights. Packed: for each panel of 8 channels: bias[8], multiplier[8], weights[kernel_h][kernel_w][8] of 16
// bits.
#include "kernels/costs/neon.h"
#include "kernels/neon/families_neon.h"
#include "kernels/neon/shared/convolution_output_neon.h"
#include "kernels/neon/shared/window_neon.h"

namespace narrow::kernels::neon {
namespace {

constexpr int kPixels = 4;
constexpr std::int64_t kHeadBytes = kVectorChannels * std::int64_t{sizeof(std::int32_t) + sizeof(float)};

std::int64_t panel_bytes(const ConvolutionShape& s) {
  return kHeadBytes + std::int64_t{s.kernel_h} * s.kernel_w * kVectorChannels * std::int64_t{sizeof(std::int16_t)};
}

double estimate(const ConvolutionProblem& p) {
  const ConvolutionShape& s = p.shape;
  const costs::Depthwise& cost = costs::kDepthwiseS16Neon;
  const double taps = static_cast<double>(s.kernel_h) * s.kernel_w;
  // Its constants are for 16 channels.
  const double panels = static_cast<double>((s.out_c + kVectorChannels - 1) / kVectorChannels) / 2;
  return static_cast<double>(s.out_h) * s.out_w * panels * (cost.tap * taps + cost.pixel);
}

Offer offer(const ConvolutionProblem& p, std::int64_t* /*proof*/) {
  Offer offer{.cycles = estimate(p), .refusal = {}};
  if (p.shape.groups != p.shape.in_c || p.shape.groups != p.shape.out_c) {
    offer.refusal.why = "it has not one filter for each channel";
  } else if (p.output_type == OutputType::kResidualSum) {
    offer.refusal.why = "its output is a residual sum";
  } else if (p.input_zero_point < 0 || p.input_zero_point > 255) {
    offer.refusal.why = "its zero point is not a byte";
  }
  return offer;
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kVectorChannels; }

std::size_t packed_bytes(const ConvolutionProblem& p) {
  const std::int64_t panels = (p.shape.out_c + kVectorChannels - 1) / kVectorChannels;
  return static_cast<std::size_t>(panels * panel_bytes(p.shape));
}

void pack(const ConvolutionProblem& p, const std::int64_t* /*proof*/, std::byte* packed) {
  std::memset(packed, 0, packed_bytes(p));
  const std::int64_t taps = p.shape.depth();
  for (int c = 0; c < p.shape.out_c; ++c) {
    std::byte* const panel = packed + c / kVectorChannels * panel_bytes(p.shape);
    const int place = c % kVectorChannels;
    std::memcpy(panel + place * 4, p.bias + c, sizeof(std::int32_t));
    std::memcpy(panel + (kVectorChannels + place) * 4, p.multiplier + c, sizeof(float));
    auto* const weights = reinterpret_cast<std::int16_t*>(panel + kHeadBytes);
    for (std::int64_t k = 0; k < taps; ++k) weights[k * kVectorChannels + place] = p.weights[c * taps + k];
  }
}

std::size_t no_workspace(const ConvolutionProblem& /*problem*/) { return 0; }

// What the tiles of a row share.
struct Row {
  const ConvolutionShape& shape;
  const std::uint8_t* image;
  std::int64_t y;  // of the first row of the windows
  std::int64_t pixel_step;
  uint8x8_t zero_point;
};

template <int kCount, bool kWhole>
NARROW_INLINE void add_tap(Sums<kCount>& sums, const std::uint8_t* x, std::int64_t step, int16x8_t weights,
                           uint8x8_t zero_point, int channels) {
  const uint8x8_t bytes = kWhole ? vld1_u8(x) : load_bytes(x, channels);
  const int16x8_t words = vreinterpretq_s16_u16(vsubl_u8(bytes, zero_point));
  sums.first.low = vmlal_s16(sums.first.low, vget_low_s16(words), vget_low_s16(weights));
  sums.first.high = vmlal_high_s16(sums.first.high, words, weights);
  if constexpr (kCount > 1) {
    add_tap<kCount - 1, kWhole>(sums.rest, x + step, step, weights, zero_point, channels);
  }
}

template <int kCount>
NARROW_INLINE void write_all(const OutputStage& stage, const Sums<kCount>& sums, const float* multiplier, void* output,
                             const std::uint8_t* residual, std::int64_t at, std::int64_t step, int channels) {
  write_eight(stage, sums.first, multiplier, output, residual, at, channels);
  if constexpr (kCount > 1) {
    write_all(stage, sums.rest, multiplier, output, residual, at + step, step, channels);
  }
}

struct Target {
  void* output;
  const std::uint8_t* residual;
  std::int64_t at;  // the index of the first pixel's first channel
};

// x: of the first column of the first window. channel, channels: of the panel.
template <int kCount, bool kWhole>
[[gnu::noinline]] void tile(const Row& row, const OutputStage& stage, const std::byte* panel, std::int64_t x,
                            int channel, int channels, const Target& target) {
  const ConvolutionShape& s = row.shape;
  // The columns of several windows are all inside.
  const WindowPart taps = part_inside(s, row.y, x);
  const std::int64_t column_begin = kCount > 1 ? 0 : taps.column_begin;
  const std::int64_t column_end = kCount > 1 ? s.kernel_w : taps.column_end;
  Sums<kCount> sums;
  set_all(sums, load_eight(reinterpret_cast<const std::int32_t*>(panel)));
  const auto* const weights = reinterpret_cast<const std::int16_t*>(panel + kHeadBytes);
  for (std::int64_t kh = taps.row_begin; kh < taps.row_end; ++kh) {
    const std::int64_t line = (row.y + kh * s.dilation_h) * s.in_w;
    for (std::int64_t kw = column_begin; kw < column_end; ++kw) {
      const std::uint8_t* const from = row.image + (line + x + kw * s.dilation_w) * s.in_c + channel;
      const int16x8_t w = vld1q_s16(weights + (kh * s.kernel_w + kw) * kVectorChannels);
      add_tap<kCount, kWhole>(sums, from, row.pixel_step, w, row.zero_point, channels);
    }
  }
  const auto* const multiplier = reinterpret_cast<const float*>(panel) + kVectorChannels;
  write_all(stage, sums, multiplier, target.output, target.residual, target.at, s.out_c, channels);
}

void run(const ConvolutionProblem& p, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* /*workspace*/) {
  const ConvolutionShape& s = p.shape;
  const OutputStage stage(p);
  for (std::int64_t r = part.row_begin; r < part.row_end; ++r) {
    const Row row{s, input + r / s.out_h * s.in_h * s.in_w * s.in_c, r % s.out_h * s.stride_h - s.pad.top,
                  std::int64_t{s.stride_w} * s.in_c, vdup_n_u8(static_cast<std::uint8_t>(p.input_zero_point))};
    for (int c = part.channel_begin; c < part.channel_end; c += kVectorChannels) {
      const std::byte* const panel = packed + c / kVectorChannels * panel_bytes(s);
      const int channels = part.channel_end - c < kVectorChannels ? part.channel_end - c : kVectorChannels;
      const bool whole = channels == kVectorChannels;
      for (std::int64_t ox = 0; ox < s.out_w;) {
        const std::int64_t x = ox * s.stride_w - s.pad.left;
        const bool several = ox + kPixels <= s.out_w && columns_inside(s, x, kPixels);
        const auto function =
            several ? (whole ? tile<kPixels, true> : tile<kPixels, false>) : (whole ? tile<1, true> : tile<1, false>);
        function(row, stage, panel, x, c, channels, {output, part.residual, (r * s.out_w + ox) * s.out_c + c});
        ox += several ? kPixels : 1;
      }
    }
  }
}

}  // namespace

const ConvolutionKernel kDepthwiseS16{.name = "depthwise_s16_neon",
                                      .isa = Isa::kNeon,
                                      .mix = InstructionMix::kNone,
                                      .estimate = estimate,
                                      .offer = offer,
                                      .channel_step = channel_step,
                                      .packed_bytes = packed_bytes,
                                      .pack = pack,
                                      .workspace_bytes = no_workspace,
                                      .run = run};

}  // namespace narrow::kernels::neon
