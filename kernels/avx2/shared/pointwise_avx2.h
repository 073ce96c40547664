// Convolutions with 1x1 windows of stride 1 and few weights. If the depth is small, most of the time is not spent on
// products. Therefore these kernels read pixels in place (bytes) or widen a few at a time (words), and store up to 32
// channels of a pixel at once. The bias includes -zero_point * sum(w). Outputs before rounding must fit an int32 with a
// margin, so that the saturation of packing clamps them.
//
// Packed: for each panel of up to 32 channels, all of nearly equal size: int32 bias[channels], float
// multiplier[channels]; then for each panel the weights, [depth step of 4 bytes of x][channels][weights of these
// bytes]. Weights are in the storage of kernels/shared/narrow_weights.h if x is bytes, and bytes if x is words.
#pragma once

#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/pointwise_tile_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/narrow_weights.h"
#include "kernels/shared/transpose_channels.h"

namespace narrow::kernels::avx2 {

// The functions of a ConvolutionKernel. Step is described in pointwise_tile_avx2.h. In addition it has
//   kBytes: whether x and w are bytes; otherwise they are words
//   kCosts: its row of costs::Table
//   refusal(problem): the further conditions of the kernel
template <class Step>
struct Pointwise {
  // All unpacked weights are in the cache together with the pixels.
  static constexpr std::int64_t kMostWeights = 64 * 1024;
  static constexpr std::int64_t kChunkBytes = 16 * 1024;  // of inputs and outputs, in L1
  static constexpr std::int64_t kWholeTiles = 12;         // a multiple of the pixels of any tile
  static constexpr bool kBytes = Step::kBytes;
  static constexpr int kStepElems = kBytes ? 4 : 2;

  struct Layout {
    int depth;
    int vectors;  // of all channels
    int panel;    // vectors of a panel; the last may have fewer
    std::int64_t head_bytes;
    std::int64_t units;
    WeightStorage storage;

    [[nodiscard]] int panel_vectors(int first) const { return vectors - first < panel ? vectors - first : panel; }
    [[nodiscard]] std::int64_t vector_units() const { return depth * kVectorChannels / kUnit; }
  };

  static Layout layout_of(const ConvolutionProblem& problem) {
    Layout layout;
    layout.depth = problem.shape.in_c;
    layout.vectors = problem.shape.out_c / kVectorChannels;
    // Estimates are asked for any layer, also for one of fewer than 8 channels, which is refused.
    const int panels = layout.vectors < 1 ? 1 : (layout.vectors + kPanelVectors - 1) / kPanelVectors;
    layout.panel = (layout.vectors + panels - 1) / panels;
    layout.head_bytes = layout.vectors * 2 * std::int64_t{sizeof(__m256i)};
    layout.units = layout.vectors * layout.vector_units();
    if (kBytes) layout.storage = weight_storage(problem);
    return layout;
  }

  static Refusal refusal(const ConvolutionProblem& problem) {
    const ConvolutionShape& shape = problem.shape;
    const bool pointwise = shape.kernel_h == 1 && shape.kernel_w == 1 && shape.stride_h == 1 && shape.stride_w == 1 &&
                           shape.groups == 1 && shape.pad == Padding{};
    if (!pointwise) return {.why = "it is not 1x1 with stride 1, one group and no padding"};
    if (shape.in_c % 4 != 0) return {.why = "its input channels are not a multiple of 4"};
    if (shape.out_c % kVectorChannels != 0) return {.why = "its output channels are not a multiple of 8"};
    if (shape.in_c * std::int64_t{shape.out_c} > kMostWeights) return {.why = "it has more than 65536 weights"};
    if (problem.output_type == OutputType::kFloat32) return {.why = "its output is not uint8"};
    if (const Refusal wide = refuse_wide_bias(problem); wide.why != nullptr) return wide;
    if (const Refusal scaled = refuse_large_outputs(problem); scaled.why != nullptr) return scaled;
    return Step::refusal(problem);
  }

  static Refusal refuse_large_outputs(const ConvolutionProblem& problem) {
    constexpr double kLargest = 2.0e9;
    if (problem.output_type == OutputType::kResidualSum) return {};  // they are limited before they are rounded
    for (int c = 0; c < problem.shape.out_c; ++c) {
      const std::int64_t bias = folded_bias(problem, c);
      const std::int64_t acc = problem.sums[c].magnitude() * largest_byte(problem) + (bias < 0 ? -bias : bias);
      if (static_cast<double>(acc) * static_cast<double>(problem.multiplier[c]) > kLargest) {
        return {.why = "its sums times the multiplier may exceed int32", .channel = c};
      }
    }
    return {};
  }

  static Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
    const Refusal no = refusal(problem);
    return {.cycles = no.why == nullptr ? estimate(problem) : 0, .refusal = no};
  }

  static double estimate(const ConvolutionProblem& problem) {
    const ConvolutionShape& shape = problem.shape;
    const Layout layout = layout_of(problem);
    const costs::Pointwise& costs = problem.costs->*Step::kCosts;
    const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
    return pixels * layout.vectors * (static_cast<double>(layout.depth) / kStepElems * costs.step + costs.store);
  }

  static int channel_step(const ConvolutionProblem& problem) { return layout_of(problem).panel * kVectorChannels; }

  static std::size_t packed_bytes(const ConvolutionProblem& problem) {
    const Layout layout = layout_of(problem);
    return static_cast<std::size_t>(layout.head_bytes + layout.units * unit_bytes(layout.storage));
  }

  static void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
    const Layout layout = layout_of(problem);
    std::byte* weights = packed + layout.head_bytes;
    for (int v = 0; v < layout.vectors; v += layout.panel) {
      const int vectors = layout.panel_vectors(v);
      const int first = v * kVectorChannels;
      std::int32_t* const bias = reinterpret_cast<std::int32_t*>(packed + v * 2 * sizeof(__m256i));
      float* const multiplier = reinterpret_cast<float*>(bias + vectors * kVectorChannels);
      for (int c = 0; c < vectors * kVectorChannels; ++c) {
        const int place = place_in_pointwise_panel(c, vectors);
        bias[place] = static_cast<std::int32_t>(folded_bias(problem, first + c));
        multiplier[place] = problem.multiplier[first + c];
      }
      weights += pack_weights(layout, problem.weights + std::int64_t{first} * layout.depth, vectors, weights);
    }
  }

  // Packs one panel. Returns its bytes.
  static std::int64_t pack_weights(const Layout& layout, const std::int8_t* from, int vectors, std::byte* to) {
    constexpr int kBlock = 128;  // elements that are ordered before they are stored
    alignas(64) std::int8_t steps[kBlock * kPanelVectors * kVectorChannels];
    const std::int64_t step_bytes = vectors * kVectorChannels * kStepElems;
    std::byte* const begin = to;
    for (int k = 0; k < layout.depth; k += kBlock) {
      const int elems = layout.depth - k < kBlock ? layout.depth - k : kBlock;
      for (int c = 0; c < vectors * kVectorChannels; c += 4) {
        pack_four_channels<kStepElems>(from + std::int64_t{c} * layout.depth + k, layout.depth, elems, step_bytes,
                                       steps + place_in_pointwise_panel(c, vectors) * kStepElems);
      }
      const std::int64_t units = vectors * kVectorChannels * elems / kUnit;
      store_units(layout.storage, steps, units, to);
      to += units * unit_bytes(layout.storage);
    }
    return to - begin;
  }

  // The bytes of the unpacked weights, if they are not stored in that layout, and of some pixels as words.
  static std::int64_t wide_bytes(const Layout& layout) {
    if (kBytes) return layout.storage.bits == 8 ? 0 : layout.units * kUnit;
    return 2 * layout.units * kUnit;
  }
  static std::int64_t chunk_pixels(const ConvolutionProblem& problem) {
    const std::int64_t pixel_bytes = problem.shape.in_c * (kBytes ? 1 : 2) + problem.shape.out_c;
    const std::int64_t pixels = kChunkBytes / pixel_bytes / kWholeTiles * kWholeTiles;
    return pixels < kWholeTiles ? kWholeTiles : pixels;
  }
  static std::size_t workspace_bytes(const ConvolutionProblem& problem) {
    const std::int64_t words = kBytes ? 0 : 2 * chunk_pixels(problem) * problem.shape.in_c;
    return static_cast<std::size_t>(wide_bytes(layout_of(problem)) + words);
  }

  static void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace) {
    const ConvolutionShape& shape = problem.shape;
    const Layout layout = layout_of(problem);
    const std::byte* const weights = open_weights(layout, packed + layout.head_bytes, workspace);
    std::uint8_t* const words = reinterpret_cast<std::uint8_t*>(workspace + wide_bytes(layout));
    const PointwiseStage stage{_mm256_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
                               _mm256_set1_epi8(static_cast<char>(problem.output_range.lo)),
                               _mm256_set1_epi8(static_cast<char>(problem.output_range.hi)),
                               output_stage(problem, part)};
    const bool shifted = problem.output_zero_point != 0 || problem.output_range.lo != 0;
    const bool sums = problem.output_type == OutputType::kResidualSum;
    const PointwiseFinish finish =
        sums ? PointwiseFinish::kResidualSum : (shifted ? PointwiseFinish::kShifted : PointwiseFinish::kPlain);
    const std::int64_t element = kBytes ? 1 : 2;
    const std::int64_t chunk = chunk_pixels(problem);
    const std::int64_t end = part.row_end * shape.out_w;
    for (std::int64_t pixel = part.row_begin * shape.out_w; pixel < end; pixel += chunk) {
      const std::int64_t pixels = end - pixel < chunk ? end - pixel : chunk;
      const std::uint8_t* x = input + pixel * shape.in_c;
      if (!kBytes) x = widen(x, pixels * shape.in_c, words);
      for (int v = 0; v < layout.vectors; v += layout.panel) {
        const int channel = v * kVectorChannels;
        if (channel < part.channel_begin || channel >= part.channel_end) continue;
        const int vectors = layout.panel_vectors(v);
        const PointwiseTile tile = pointwise_tile<Step>(vectors, finish);
        const std::int64_t index = pixel * shape.out_c + channel;
        tile(stage,
             {x, shape.in_c * element, shape.in_c * element, packed + v * 2 * sizeof(__m256i),
              weights + v * layout.vector_units() * kUnit * element, static_cast<std::uint8_t*>(output) + index,
              sums ? part.residual + index : nullptr, shape.out_c, pixels},
             finish);
      }
    }
  }

  static const std::byte* open_weights(const Layout& layout, const std::byte* stored, std::byte* wide) {
    if (kBytes && layout.storage.bits == 8) return stored;
    if (kBytes) {
      widen_units(layout.storage, stored, layout.units, wide);
    } else {
      const __m128i* from = reinterpret_cast<const __m128i*>(stored);
      __m256i* to = reinterpret_cast<__m256i*>(wide);
      for (std::int64_t i = 0; i < 2 * layout.units; ++i) {
        _mm256_store_si256(to + i, _mm256_cvtepi8_epi16(_mm_load_si128(from + i)));
      }
    }
    return wide;
  }

  // Widens `count` bytes, a multiple of 4, to int16.
  static const std::uint8_t* widen(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 2 * i),
                          _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
    }
    for (std::int16_t* words = reinterpret_cast<std::int16_t*>(to); i < count; ++i) words[i] = from[i];
    return to;
  }

  // The kernel of the functions above.
  static constexpr ConvolutionKernel kernel(const char* name, Isa isa, InstructionMix mix) {
    return {.name = name,
            .isa = isa,
            .mix = mix,
            .estimate = estimate,
            .offer = offer,
            .channel_step = channel_step,
            .packed_bytes = packed_bytes,
            .pack = pack,
            .workspace_bytes = workspace_bytes,
            .run = run};
  }
};

}  // namespace narrow::kernels::avx2
