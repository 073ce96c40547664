// A direct convolution for any window, stride, dilation, padding and groups. The windows of a block of pixels are
// copied to the workspace, each in the order of the weights, unless a pixel is its own window. Tiles of these pixels
// and a panel of channels are then multiplied. Everything here has internal linkage: see kernels/CMakeLists.txt.
//
// Sums are exact: they wrap modulo 2^32, as do the folded biases, and accumulator_is_exact says that what is left at
// the end is the sum. Nothing saturates.
#pragma once

#include "kernels/costs/neon.h"
#include "kernels/neon/shared/convolution_output_neon.h"
#include "kernels/shared/folded_bias.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {

// sums: [pixels, channels of the panel]. depth: a multiple of kDepthStep.
using TileFunction = void (*)(const std::uint8_t* const* windows, const std::byte* panel, std::int64_t depth,
                              std::int32_t* sums);

namespace {

constexpr std::int64_t kDepthStep = 4;
constexpr std::int64_t kBlockBytes =
    32 * 1024;  // half of the smallest usual L1 cache, or all of it on the oldest cores
constexpr std::int64_t kMostBlockPixels = 48;

// Tiles: kChannels of a panel, kPixels at most, kInputShift (which it subtracts from each input byte), kStepChannels
// (input channels of a depth step of its costs), kCosts, index(depth, channel) of a weight in its panel,
// function(pixels).
template <class Tiles>
struct Direct {
  // A panel: biases, multipliers, weights. Those of missing channels are 0.
  static constexpr std::int64_t kHeadBytes = Tiles::kChannels * std::int64_t{sizeof(std::int32_t) + sizeof(float)};

  static std::int64_t depth(const ConvolutionShape& s) {
    return (s.depth() + kDepthStep - 1) / kDepthStep * kDepthStep;
  }
  static std::int64_t panel_bytes(const ConvolutionShape& s) { return kHeadBytes + depth(s) * Tiles::kChannels; }
  static std::int64_t group_panels(const ConvolutionShape& s) {
    return (s.group_out() + Tiles::kChannels - 1) / Tiles::kChannels;
  }
  static bool in_place(const ConvolutionShape& s) {
    const bool padded = s.pad.top != 0 || s.pad.left != 0 || s.pad.bottom != 0 || s.pad.right != 0;
    return s.kernel_h == 1 && s.kernel_w == 1 && s.groups == 1 && !padded && s.in_c % kDepthStep == 0;
  }
  static std::int64_t block_pixels(const ConvolutionShape& s) {
    const std::int64_t fit = kBlockBytes / depth(s);
    const std::int64_t pixels = fit < Tiles::kPixels ? Tiles::kPixels : fit;
    return (pixels < kMostBlockPixels ? pixels : kMostBlockPixels) / Tiles::kPixels * Tiles::kPixels;
  }

  static double estimate(const ConvolutionProblem& p) {
    const ConvolutionShape& s = p.shape;
    const double pixels = static_cast<double>(s.out_h) * s.out_w;
    const double steps = static_cast<double>(depth(s)) / Tiles::kStepChannels;
    const double panels = static_cast<double>(s.groups) * static_cast<double>(group_panels(s));
    const double copied = in_place(s) ? 0 : static_cast<double>(depth(s)) * s.groups / 32;
    return pixels * (panels * (Tiles::kCosts.step * steps + Tiles::kCosts.tile) + Tiles::kCosts.load * copied);
  }
  static Offer offer(const ConvolutionProblem& p, std::int64_t* /*proof*/) {
    Offer offer{.cycles = estimate(p), .refusal = {}};
    if (p.input_zero_point < 0 || p.input_zero_point > 255) offer.refusal.why = "its zero point is not a byte";
    return offer;
  }
  static int channel_step(const ConvolutionProblem& p) {
    const int group = p.shape.group_out();
    return p.shape.groups == 1 || group % Tiles::kChannels == 0 ? Tiles::kChannels : group;
  }
  static std::size_t packed_bytes(const ConvolutionProblem& p) {
    return static_cast<std::size_t>(p.shape.groups * group_panels(p.shape) * panel_bytes(p.shape));
  }

  static void pack(const ConvolutionProblem& p, const std::int64_t* /*proof*/, std::byte* packed) {
    const ConvolutionShape& s = p.shape;
    std::memset(packed, 0, packed_bytes(p));
    for (int c = 0; c < s.out_c; ++c) {
      std::byte* const panel = packed + panel_of(s, c) * panel_bytes(s);
      const int place = c % s.group_out() % Tiles::kChannels;
      const auto bias = static_cast<std::int32_t>(static_cast<std::uint32_t>(
          static_cast<std::uint64_t>(folded_bias(p, c) + Tiles::kInputShift * p.sums[c].total())));
      std::memcpy(panel + place * 4, &bias, sizeof bias);
      std::memcpy(panel + (Tiles::kChannels + place) * 4, p.multiplier + c, sizeof(float));
      auto* const weights = reinterpret_cast<std::int8_t*>(panel + kHeadBytes);
      const std::int8_t* const from = p.weights + c * s.depth();
      for (std::int64_t k = 0; k < s.depth(); ++k) weights[Tiles::index(k, place)] = from[k];
    }
  }

  static std::size_t workspace_bytes(const ConvolutionProblem& p) {
    return in_place(p.shape) ? 0 : static_cast<std::size_t>(block_pixels(p.shape) * depth(p.shape));
  }

  static std::int64_t panel_of(const ConvolutionShape& s, int channel) {
    const int group = channel / s.group_out();
    return group * group_panels(s) + channel % s.group_out() / Tiles::kChannels;
  }

  // The top left corner of an output pixel's window, and its image.
  struct Corner {
    const std::uint8_t* image;
    std::int64_t y, x;
  };
  static Corner corner(const ConvolutionShape& s, const std::uint8_t* input, std::int64_t pixel) {
    const std::int64_t row = pixel / s.out_w;
    return {input + row / s.out_h * s.in_h * s.in_w * s.in_c, row % s.out_h * s.stride_h - s.pad.top,
            pixel % s.out_w * s.stride_w - s.pad.left};
  }

  // The window of one group of an output pixel. The padding holds the zero point.
  static void copy_window(const ConvolutionProblem& p, const Corner& at, int group, std::uint8_t* to) {
    const ConvolutionShape& s = p.shape;
    const auto channels = static_cast<std::size_t>(s.group_in());
    // Pixels that follow each other are copied at once.
    const bool whole = s.groups == 1 && s.dilation_w == 1;
    for (int kh = 0; kh < s.kernel_h; ++kh) {
      const std::int64_t y = at.y + std::int64_t{kh} * s.dilation_h;
      const bool inside = y >= 0 && y < s.in_h;
      const std::uint8_t* const row = inside ? at.image + y * s.in_w * s.in_c + group * s.group_in() : nullptr;
      for (std::int64_t kw = 0; kw < s.kernel_w;) {
        const std::int64_t x = at.x + kw * s.dilation_w;
        std::int64_t pixels = 1;
        if (!inside || x < 0 || x >= s.in_w) {
          std::memset(to, p.input_zero_point, channels);
        } else {
          if (whole) pixels = s.kernel_w - kw < s.in_w - x ? s.kernel_w - kw : s.in_w - x;
          std::memcpy(to, row + x * s.in_c, static_cast<std::size_t>(pixels) * channels);
        }
        to += static_cast<std::size_t>(pixels) * channels;
        kw += pixels;
      }
    }
    // The weights there are 0.
    std::memset(to, 0, static_cast<std::size_t>(depth(s) - s.depth()));
  }

  static void run(const ConvolutionProblem& p, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace) {
    const ConvolutionShape& s = p.shape;
    const OutputStage stage(p);
    const std::int64_t most = block_pixels(s);
    const std::int64_t end = part.row_end * s.out_w;
    const std::uint8_t* windows[kMostBlockPixels];
    for (std::int64_t first = part.row_begin * s.out_w; first < end; first += most) {
      const std::int64_t pixels = end - first < most ? end - first : most;
      for (int channel = part.channel_begin; channel < part.channel_end;) {
        const int group = channel / s.group_out();
        const int group_end = (group + 1) * s.group_out();
        const int last = group_end < part.channel_end ? group_end : part.channel_end;
        for (std::int64_t i = 0; i < pixels; ++i) {
          const Corner at = corner(s, input, first + i);
          if (in_place(s)) {
            windows[i] = at.image + (at.y * s.in_w + at.x) * s.in_c;
          } else {
            auto* const window = reinterpret_cast<std::uint8_t*>(workspace) + i * depth(s);
            copy_window(p, at, group, window);
            windows[i] = window;
          }
        }
        for (; channel < last; channel += Tiles::kChannels) {
          const std::byte* const panel = packed + panel_of(s, channel) * panel_bytes(s);
          const int count = last - channel < Tiles::kChannels ? last - channel : Tiles::kChannels;
          run_panel(s, stage, panel, windows, first, pixels, channel, count, output, part.residual);
        }
        channel = last;
      }
    }
  }

  // One panel of a block.
  static void run_panel(const ConvolutionShape& s, const OutputStage& stage, const std::byte* panel,
                        const std::uint8_t* const* windows, std::int64_t first, std::int64_t pixels, int channel,
                        int count, void* output, const std::uint8_t* residual) {
    const auto* const multiplier = reinterpret_cast<const float*>(panel) + Tiles::kChannels;
    alignas(16) std::int32_t sums[Tiles::kPixels * Tiles::kChannels];
    for (std::int64_t i = 0; i < pixels; i += Tiles::kPixels) {
      const int tile = pixels - i < Tiles::kPixels ? static_cast<int>(pixels - i) : Tiles::kPixels;
      Tiles::function(tile)(windows + i, panel, depth(s), sums);
      for (int j = 0; j < tile; ++j) {
        const std::int64_t at = (first + i + j) * s.out_c + channel;
        for (int c = 0; c < count; c += kVectorChannels) {
          write_eight(stage, load_eight(sums + j * Tiles::kChannels + c), multiplier + c, output, residual, at + c,
                      count - c);
        }
      }
    }
  }

  static constexpr ConvolutionKernel kernel(const char* name, Isa isa) {
    return {.name = name,
            .isa = isa,
            .mix = InstructionMix::kNone,
            .estimate = estimate,
            .offer = offer,
            .channel_step = channel_step,
            .packed_bytes = packed_bytes,
            .pack = pack,
            .workspace_bytes = workspace_bytes,
            .run = run};
  }
};

}  // namespace
}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
