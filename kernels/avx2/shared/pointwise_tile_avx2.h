// The inner loops of the pointwise convolutions: a panel of up to 32 channels for a range of pixels. The multiplication
// is a parameter, so that AVX2, AVX-VNNI and AVX512-VNNI share the rest. Each compiles its own copy, which the linker
// never sees: functions are static, and every `Step` is local to its file.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

static constexpr int kVectorChannels = 8;
static constexpr int kPanelVectors = 4;

// The constants that all outputs of a layer share.
struct PointwiseStage {
  __m256i zero_point;    // int16
  __m256i lower, upper;  // uint8
  OutputStage sums;      // of residual sums
};

// What becomes of accumulators. kPlain: zero_point and lower are 0.
enum class PointwiseFinish { kPlain, kShifted, kResidualSum };

// One panel: `vectors` vectors of 8 channels, 32-byte aligned.
//   head: int32 bias[8 * vectors], float multiplier[8 * vectors]
//   weights: [4 bytes of x][8 * vectors channels][weights of 4 bytes of x]
// Channels are in the order of place_in_pointwise_panel.
struct PointwiseRun {
  const std::uint8_t* x;
  std::ptrdiff_t x_step;  // bytes between pixels
  std::int64_t x_bytes;   // of a pixel: a multiple of 4, not 0
  const std::byte* head;
  const std::byte* weights;
  std::uint8_t* out;
  const std::uint8_t* residual;  // of residual sums, in the layout of `out`
  std::ptrdiff_t out_step;
  std::int64_t pixels;
};

// The index of channel `c` of a panel. Packing int32 to bytes works within 128 bits; from this order it returns
// channels 0, 1, 2, ...
[[nodiscard]] static constexpr int place_in_pointwise_panel(int c, int vectors) {
  return c % (4 * vectors) / 4 * kVectorChannels + c / (4 * vectors) * 4 + c % 4;
}

// Math: out = clamp(round(float(bias + sum of x * w) * multiplier) + zero_point, lower, upper), or residual sums.
// Ranges: products after scaling fit an int32, unless they are residual sums. Step defines x and w:
//   kPixels[vectors - 1]: pixels at a time. They are few, so that multiplying overlaps with converting the ones before.
//   begin(sum, x, w, bias), add(sum, x, w): the first and any other 4 bytes of x
//   finish(sum, bias): the sum in int32
using PointwiseTile = void (*)(const PointwiseStage& stage, const PointwiseRun& run, PointwiseFinish finish);

// Nested structs rather than arrays: g++ 12 keeps arrays of vectors on the stack.
template <int kCount>
struct PixelVectors {
  __m256i first;
  PixelVectors<kCount - 1> rest;
};
template <>
struct PixelVectors<0> {};
// For each vector of channels, all pixels.
template <int kVectors, int kPixels>
struct PanelSums {
  PixelVectors<kPixels> first;
  PanelSums<kVectors - 1, kPixels> rest;
};
template <int kPixels>
struct PanelSums<0, kPixels> {};

NARROW_INLINE void keep(__m256i& vector) { __asm__ volatile("" : "+x"(vector)); }

template <int kPixels>
NARROW_INLINE void load_x(PixelVectors<kPixels>& x, const std::uint8_t* from, std::ptrdiff_t step) {
  x.first = broadcast4(from);
  keep(x.first);
  if constexpr (kPixels > 1) load_x(x.rest, from + step, step);
}

template <class Step, bool kFirst, int kPixels>
NARROW_INLINE void step_pixels(PixelVectors<kPixels>& sums, const PixelVectors<kPixels>& x, __m256i w,
                               const std::byte* bias) {
  if constexpr (kFirst) {
    Step::begin(sums.first, x.first, w, bias);
    keep(sums.first);
  } else {
    Step::add(sums.first, x.first, w);
  }
  if constexpr (kPixels > 1) step_pixels<Step, kFirst>(sums.rest, x.rest, w, bias);
}

template <class Step, bool kFirst, int kVectors, int kPixels>
NARROW_INLINE void step_all(PanelSums<kVectors, kPixels>& sums, const PixelVectors<kPixels>& x,
                            const std::byte* weights, const std::byte* bias) {
  __m256i w = load(weights);
  keep(w);
  step_pixels<Step, kFirst>(sums.first, x, w, bias);
  if constexpr (kVectors > 1) step_all<Step, kFirst>(sums.rest, x, weights + sizeof w, bias + sizeof w);
}

template <int kIndex, int kCount>
NARROW_INLINE __m256i get(const PixelVectors<kCount>& vectors) {
  if constexpr (kIndex == 0) {
    return vectors.first;
  } else {
    return get<kIndex - 1>(vectors.rest);
  }
}

// 8 bytes of vector `index` of a panel, in the order of place_in_pointwise_panel, as int32.
template <int kVectors>
NARROW_INLINE __m256i load_residual(const std::uint8_t* residual, int index) {
  const __m128i low = _mm_loadu_si32(residual + 4 * index);
  const __m128i high = _mm_loadu_si32(residual + 4 * (kVectors + index));
  return _mm256_cvtepu8_epi32(_mm_unpacklo_epi32(low, high));
}

// Vector `index` of one pixel's channels, rounded to int32. head: of the panel; residual: of the pixel.
template <class Step, PointwiseFinish kFinish, int kVectors>
NARROW_INLINE __m256i rounded(const PointwiseStage& stage, __m256i sum, const std::byte* head, int index,
                              const std::uint8_t* residual) {
  head += index * sizeof sum;
  const __m256i acc = Step::finish(sum, head);
  const float* const multiplier = reinterpret_cast<const float*>(head + kVectors * sizeof sum);
  const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_load_ps(multiplier));
  if constexpr (kFinish == PointwiseFinish::kResidualSum) {
    return _mm256_cvtps_epi32(residual_sum(stage.sums, product, load_residual<kVectors>(residual, index)));
  } else {
    return _mm256_cvtps_epi32(product);
  }
}

template <PointwiseFinish kFinish>
NARROW_INLINE __m256i words(const PointwiseStage& stage, __m256i low, __m256i high) {
  const __m256i packed = _mm256_packs_epi32(low, high);
  return kFinish == PointwiseFinish::kPlain ? packed : _mm256_adds_epi16(packed, stage.zero_point);
}
template <PointwiseFinish kFinish>
NARROW_INLINE __m256i bytes(const PointwiseStage& stage, __m256i low, __m256i high) {
  const __m256i packed = _mm256_packus_epi16(low, high);
  return _mm256_min_epu8(kFinish == PointwiseFinish::kPlain ? packed : _mm256_max_epu8(packed, stage.lower),
                         stage.upper);
}

NARROW_INLINE void store_16(std::uint8_t* out, __m128i y) { _mm_storeu_si128(reinterpret_cast<__m128i*>(out), y); }
NARROW_INLINE void store_8(std::uint8_t* out, __m128i y) { _mm_storel_epi64(reinterpret_cast<__m128i*>(out), y); }

template <class Step, PointwiseFinish kFinish, int kPixel, int kVectors, int kPixels>
NARROW_INLINE void write_pixel(const PointwiseStage& stage, const PanelSums<kVectors, kPixels>& sums,
                               const std::byte* head, const std::uint8_t* residual, std::uint8_t* out) {
  const auto scaled = [&](const PixelVectors<kPixels>& vector, int index) {
    return rounded<Step, kFinish, kVectors>(stage, get<kPixel>(vector), head, index, residual);
  };
  const __m256i first = scaled(sums.first, 0);
  if constexpr (kVectors == 1) {
    const __m256i both = words<kFinish>(stage, first, first);
    const __m256i y = bytes<kFinish>(stage, both, both);
    const __m256i ordered = _mm256_unpacklo_epi32(y, _mm256_permute2x128_si256(y, y, 1));
    store_8(out, _mm256_castsi256_si128(ordered));
  } else {
    const __m256i low = words<kFinish>(stage, first, scaled(sums.rest.first, 1));
    if constexpr (kVectors == 2) {
      const __m256i y = _mm256_permute4x64_epi64(bytes<kFinish>(stage, low, low), 0xD8);
      store_16(out, _mm256_castsi256_si128(y));
    } else {
      const __m256i third = scaled(sums.rest.rest.first, 2);
      if constexpr (kVectors == 3) {
        const __m256i gaps = bytes<kFinish>(stage, low, words<kFinish>(stage, third, third));
        const __m256i y = _mm256_permutevar8x32_epi32(gaps, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
        store_16(out, _mm256_castsi256_si128(y));
        store_8(out + 16, _mm256_extracti128_si256(y, 1));
      } else {
        const __m256i high = words<kFinish>(stage, third, scaled(sums.rest.rest.rest.first, 3));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes<kFinish>(stage, low, high));
      }
    }
  }
}

// Pixels [kPixel, kPixels). Two pixels of 16 channels are packed together.
template <class Step, PointwiseFinish kFinish, int kPixel, int kVectors, int kPixels>
NARROW_INLINE void write(const PointwiseStage& stage, const PanelSums<kVectors, kPixels>& sums, const std::byte* head,
                         const std::uint8_t* residual, std::uint8_t* out, std::ptrdiff_t out_step) {
  if constexpr (kVectors == 2 && kPixel + 1 < kPixels) {
    const auto both = [&](__m256i low, __m256i high, const std::uint8_t* other) {
      return words<kFinish>(stage, rounded<Step, kFinish, 2>(stage, low, head, 0, other),
                            rounded<Step, kFinish, 2>(stage, high, head, 1, other));
    };
    const __m256i first = both(get<kPixel>(sums.first), get<kPixel>(sums.rest.first), residual);
    const __m256i second = both(get<kPixel + 1>(sums.first), get<kPixel + 1>(sums.rest.first), residual + out_step);
    const __m256i y = _mm256_permute4x64_epi64(bytes<kFinish>(stage, first, second), 0xD8);
    store_16(out, _mm256_castsi256_si128(y));
    store_16(out + out_step, _mm256_extracti128_si256(y, 1));
    if constexpr (kPixel + 2 < kPixels)
      write<Step, kFinish, kPixel + 2>(stage, sums, head, residual + 2 * out_step, out + 2 * out_step, out_step);
  } else {
    write_pixel<Step, kFinish, kPixel>(stage, sums, head, residual, out);
    if constexpr (kPixel + 1 < kPixels)
      write<Step, kFinish, kPixel + 1>(stage, sums, head, residual + out_step, out + out_step, out_step);
  }
}

template <class Step, PointwiseFinish kFinish, int kVectors, int kPixels>
NARROW_INLINE void write_tile(const PointwiseStage& stage, const PointwiseRun& run,
                              const PanelSums<kVectors, kPixels>& sums, std::uint8_t* out) {
  // Without residual sums the address is computed and not used.
  const std::uint8_t* const residual = kFinish == PointwiseFinish::kResidualSum ? run.residual + (out - run.out) : out;
  write<Step, kFinish, 0>(stage, sums, run.head, residual, out, run.out_step);
}

// kFinish: the only one, or nothing where `finish` says at run time which one it is.
template <class Step, int kVectors, int kPixels, PointwiseFinish... kFinish>
NARROW_INLINE void tile(const PointwiseStage& stage, const PointwiseRun& run, PointwiseFinish finish,
                        const std::uint8_t* x, std::uint8_t* out) {
  PanelSums<kVectors, kPixels> sums;
  PixelVectors<kPixels> now;
  load_x(now, x, run.x_step);
  const std::byte* weights = run.weights;
  step_all<Step, true>(sums, now, weights, run.head);
#pragma GCC unroll 2
  for (std::int64_t at = kXBytes; at != run.x_bytes; at += kXBytes) {
    weights += kVectors * sizeof(__m256i);
    load_x(now, x + at, run.x_step);
    step_all<Step, false>(sums, now, weights, run.head);
  }
  if constexpr (sizeof...(kFinish) == 1) {
    write_tile<Step, kFinish...>(stage, run, sums, out);
  } else {
    // Otherwise compilers keep what all three need in registers, and pointers of the loop above on the stack.
    const PointwiseStage* constants = &stage;
    const PointwiseRun* to = &run;
    __asm__ volatile("" : "+r"(constants), "+r"(to));
    using enum PointwiseFinish;
    if (finish == kPlain) {
      write_tile<Step, kPlain>(*constants, *to, sums, out);
    } else if (finish == kShifted) {
      write_tile<Step, kShifted>(*constants, *to, sums, out);
    } else {
      write_tile<Step, kResidualSum>(*constants, *to, sums, out);
    }
  }
}

template <class Step, int kVectors, PointwiseFinish... kFinish>
[[gnu::noinline]] static void tile_run(const PointwiseStage& stage, const PointwiseRun& run, PointwiseFinish finish) {
  constexpr int kPixels = Step::kPixels[kVectors - 1];
  const std::uint8_t* x = run.x;
  std::uint8_t* out = run.out;
  const auto advance = [&](int pixels) {
    x += pixels * run.x_step;
    out += pixels * run.out_step;
  };
  std::int64_t left = run.pixels;
  for (; left >= kPixels; left -= kPixels, advance(kPixels)) {
    tile<Step, kVectors, kPixels, kFinish...>(stage, run, finish, x, out);
  }
  for (; left > 0; --left, advance(1)) tile<Step, kVectors, 1, kFinish...>(stage, run, finish, x, out);
}

// For panels of 1, 2, 3, 4 vectors. One function for all three finishes is a third smaller than three. With 16
// registers it spills, so that three are faster: Step::kFunctionForEachFinish.
template <class Step>
static PointwiseTile pointwise_tile(int vectors, PointwiseFinish finish) {
  if constexpr (Step::kFunctionForEachFinish) {
    using enum PointwiseFinish;
    static constexpr PointwiseTile kTiles[kPanelVectors][3] = {
        {tile_run<Step, 1, kPlain>, tile_run<Step, 1, kShifted>, tile_run<Step, 1, kResidualSum>},
        {tile_run<Step, 2, kPlain>, tile_run<Step, 2, kShifted>, tile_run<Step, 2, kResidualSum>},
        {tile_run<Step, 3, kPlain>, tile_run<Step, 3, kShifted>, tile_run<Step, 3, kResidualSum>},
        {tile_run<Step, 4, kPlain>, tile_run<Step, 4, kShifted>, tile_run<Step, 4, kResidualSum>}};
    return kTiles[vectors - 1][static_cast<int>(finish)];
  } else {
    static constexpr PointwiseTile kTiles[kPanelVectors] = {tile_run<Step, 1>, tile_run<Step, 2>, tile_run<Step, 3>,
                                                            tile_run<Step, 4>};
    return kTiles[vectors - 1];
  }
}

}  // namespace narrow::kernels::avx2
