// convolution_f32_avx2: lanes are output channels. Therefore each channel adds in the order of the reference: the bias,
// then kh, kw, ic ascending, with product and sum rounded separately. Taps in the padding are skipped, because a
// product of 0 and an infinite weight is NaN. A tile is 4 neighbouring output pixels of a row x 16 channels; all of its
// pixels read the same taps.
// Packed: for each group, each panel of 16 channels: bias[16], weights[kernel_h][kernel_w][group_in][16].
#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/families_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kPixels = 4;
constexpr int kChannels = 16;

struct Panels {
  int group_in, group_out;
  std::int64_t depth;
  std::int64_t per_group;
  std::int64_t floats;  // of one panel
};

Panels panels_of(const ConvolutionShape& shape) {
  Panels panels;
  panels.group_in = shape.in_c / shape.groups;
  panels.group_out = shape.out_c / shape.groups;
  panels.depth = std::int64_t{shape.kernel_h} * shape.kernel_w * panels.group_in;
  panels.per_group = (panels.group_out + kChannels - 1) / kChannels;
  panels.floats = kChannels * (1 + panels.depth);
  return panels;
}

bool accepts(const ConvolutionF32Problem&) { return true; }

std::size_t packed_bytes(const ConvolutionF32Problem& problem) {
  const Panels panels = panels_of(problem.shape);
  return static_cast<std::size_t>(problem.shape.groups * panels.per_group * panels.floats) * sizeof(float);
}

void pack(const ConvolutionF32Problem& problem, std::byte* packed) {
  const Panels panels = panels_of(problem.shape);
  std::memset(packed, 0, packed_bytes(problem));
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const int in_group = c % panels.group_out;
    float* lane = reinterpret_cast<float*>(packed) +
                  (c / panels.group_out * panels.per_group + in_group / kChannels) * panels.floats +
                  in_group % kChannels;
    *lane = problem.bias[c];
    const float* weights = problem.weights + c * panels.depth;
    for (std::int64_t k = 0; k < panels.depth; ++k) lane[(k + 1) * kChannels] = weights[k];
  }
}

// The taps that the pixels of a tile read: rows [kh_begin, kh_end) and columns [kw_begin, kw_end) of the window.
struct Taps {
  int kh_begin, kh_end, kw_begin, kw_end;
};

// Window positions k in [0, kernel) with 0 <= at + k * dilation < size.
void taps_inside(std::int64_t at, int kernel, int dilation, int size, int* begin, int* end) {
  *begin = 0;
  while (*begin < kernel && at + std::int64_t{*begin} * dilation < 0) ++*begin;
  *end = kernel;
  while (*end > *begin && at + std::int64_t{*end - 1} * dilation >= size) --*end;
}

struct Acc {
  __m256 low, high;
};

// `window` is the address of tap (0, 0) of the first pixel. That tap may lie outside the image.
template <int kCount>
[[gnu::noinline]] void tile(const ConvolutionShape& shape, const Panels& panels, const Taps& taps, const float* image,
                            std::int64_t window, const float* panel, Acc* result) {
  Acc a0{_mm256_loadu_ps(panel), _mm256_loadu_ps(panel + 8)};
  Acc a1 = a0, a2 = a0, a3 = a0;
  const std::int64_t pixel_step = std::int64_t{shape.stride_w} * shape.in_c;
  for (int kh = taps.kh_begin; kh < taps.kh_end; ++kh) {
    for (int kw = taps.kw_begin; kw < taps.kw_end; ++kw) {
      const std::int64_t tap =
          (std::int64_t{kh} * shape.dilation_h * shape.in_w + std::int64_t{kw} * shape.dilation_w) * shape.in_c;
      const float* x = image + (window + tap);
      const float* w = panel + kChannels + (std::int64_t{kh} * shape.kernel_w + kw) * panels.group_in * kChannels;
      for (int i = 0; i < panels.group_in; ++i, ++x, w += kChannels) {
        const __m256 low = _mm256_loadu_ps(w);
        const __m256 high = _mm256_loadu_ps(w + 8);
        const auto add = [ low, high ](Acc & acc, const float* at) __attribute__((always_inline)) {
          const __m256 value = _mm256_broadcast_ss(at);
          acc.low = _mm256_add_ps(acc.low, _mm256_mul_ps(value, low));
          acc.high = _mm256_add_ps(acc.high, _mm256_mul_ps(value, high));
        };
        add(a0, x);
        if constexpr (kCount > 1) {
          add(a1, x + pixel_step);
          add(a2, x + 2 * pixel_step);
          add(a3, x + 3 * pixel_step);
        }
      }
    }
  }
  result[0] = a0;
  if constexpr (kCount > 1) {
    result[1] = a1;
    result[2] = a2;
    result[3] = a3;
  }
}

void store(const ConvolutionF32Problem& problem, const Acc& acc, int channels, float* out) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256 lo = _mm256_set1_ps(problem.clamp.lo);
  const __m256 hi = _mm256_set1_ps(problem.clamp.hi);
  // With this order of operands, equal values and NaN behave as in std::min and std::max.
  const __m256 low = _mm256_min_ps(hi, _mm256_max_ps(lo, acc.low));
  const __m256 high = _mm256_min_ps(hi, _mm256_max_ps(lo, acc.high));
  _mm256_maskstore_ps(out, _mm256_cmpgt_epi32(_mm256_set1_epi32(channels), lanes), low);
  if (channels > 8) _mm256_maskstore_ps(out + 8, _mm256_cmpgt_epi32(_mm256_set1_epi32(channels - 8), lanes), high);
}

// Computes one output row.
void run_row(const ConvolutionF32Problem& problem, const Panels& panels, const float* packed, const float* image,
             int oy, float* out_row) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t y = std::int64_t{oy} * shape.stride_h - shape.pad.top;
  Taps taps;
  taps_inside(y, shape.kernel_h, shape.dilation_h, shape.in_h, &taps.kh_begin, &taps.kh_end);
  for (int ox = 0; ox < shape.out_w;) {
    const std::int64_t x = std::int64_t{ox} * shape.stride_w - shape.pad.left;
    taps_inside(x, shape.kernel_w, shape.dilation_w, shape.in_w, &taps.kw_begin, &taps.kw_end);
    Taps last = taps;
    if (ox + kPixels <= shape.out_w) {
      taps_inside(x + std::int64_t{kPixels - 1} * shape.stride_w, shape.kernel_w, shape.dilation_w, shape.in_w,
                  &last.kw_begin, &last.kw_end);
    }
    // If the windows of the first and the last pixel are whole, so are those between them.
    const bool whole = taps.kw_begin == 0 && taps.kw_end == shape.kernel_w && last.kw_begin == 0 &&
                       last.kw_end == shape.kernel_w && ox + kPixels <= shape.out_w;
    const int count = whole ? kPixels : 1;
    const float* panel = packed;
    for (int group = 0; group < shape.groups; ++group) {
      const std::int64_t window = (y * shape.in_w + x) * shape.in_c + std::int64_t{group} * panels.group_in;
      for (int c = 0; c < panels.group_out; c += kChannels, panel += panels.floats) {
        Acc acc[kPixels];
        (whole ? tile<kPixels> : tile<1>)(shape, panels, taps, image, window, panel, acc);
        const int channels = panels.group_out - c < kChannels ? panels.group_out - c : kChannels;
        float* const out = out_row + std::int64_t{ox} * shape.out_c + group * panels.group_out + c;
        for (int i = 0; i < count; ++i) store(problem, acc[i], channels, out + std::int64_t{i} * shape.out_c);
      }
    }
    ox += count;
  }
}

void run(const ConvolutionF32Problem& problem, const std::byte* packed, const float* input, float* output,
         std::int64_t row_begin, std::int64_t row_end) {
  const ConvolutionShape& shape = problem.shape;
  const Panels panels = panels_of(shape);
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const float* const image = input + row / shape.out_h * shape.in_h * shape.in_w * shape.in_c;
    run_row(problem, panels, reinterpret_cast<const float*>(packed), image, static_cast<int>(row % shape.out_h),
            output + row * shape.out_w * shape.out_c);
  }
}

}  // namespace

const ConvolutionF32Kernel kConvolutionF32{"convolution_f32_avx2", Isa::kAvx2, accepts, packed_bytes, pack, run};

}  // namespace narrow::kernels::avx2
