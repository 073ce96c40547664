#include "kernels/avx2/families_avx2.h"

#include <immintrin.h>

#include "kernels/avx2/elementwise/byte_vectors_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

// The part of a window that lies inside the image. Strides are in elements.
struct Taps {
  const std::uint8_t* first = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;
};

struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;  // >= begin
};

// The taps start + i * dilation, i in [0, kernel), that lie in [lo, hi).
Interval taps_inside(std::int64_t start, std::int64_t kernel, std::int64_t dilation, std::int64_t lo, std::int64_t hi) {
  const std::int64_t begin = start < lo ? (lo - start + dilation - 1) / dilation : 0;
  const std::int64_t end = start < hi ? (hi - start + dilation - 1) / dilation : 0;
  const std::int64_t last = end < kernel ? end : kernel;
  return {begin, begin < last ? last : begin};
}

Taps taps_of(const PoolShape& s, const std::uint8_t* image, std::int64_t top, std::int64_t left) {
  const Interval rows = taps_inside(top, s.kernel_h, s.dilation_h, 0, s.in_h);
  const Interval columns = taps_inside(left, s.kernel_w, s.dilation_w, 0, s.in_w);
  Taps taps;
  taps.rows = rows.end - rows.begin;
  taps.columns = columns.end - columns.begin;
  if (taps.rows == 0 || taps.columns == 0) return {};
  const std::int64_t y = top + rows.begin * s.dilation_h;
  const std::int64_t x = left + columns.begin * s.dilation_w;
  taps.first = image + (y * s.in_w + x) * s.channels;
  taps.row_stride = std::int64_t{s.dilation_h} * s.in_w * s.channels;
  taps.column_stride = std::int64_t{s.dilation_w} * s.channels;
  return taps;
}

__m256i max_32(const Taps& taps, std::int64_t channel) {
  __m256i best = _mm256_setzero_si256();
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride + channel;
    for (std::int64_t c = 0; c < taps.columns; ++c, x += taps.column_stride) {
      best = _mm256_max_epu8(best, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
    }
  }
  return best;
}

__m128i max_8(const Taps& taps, std::int64_t channel) {
  __m128i best = _mm_setzero_si128();
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride + channel;
    for (std::int64_t c = 0; c < taps.columns; ++c, x += taps.column_stride) {
      best = _mm_max_epu8(best, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
    }
  }
  return best;
}

std::uint8_t max_1(const Taps& taps, std::int64_t channel) {
  std::uint8_t best = 0;
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride + channel;
    for (std::int64_t c = 0; c < taps.columns; ++c, x += taps.column_stride) best = *x > best ? *x : best;
  }
  return best;
}

// Channels are computed in vectors of 32, then 8. If the number of channels is not a multiple of 8, the last vector of
// 8 overlaps the one before. Fewer than 8 channels are computed one by one.
void max_pool_pixel(const Taps& taps, std::int64_t channels, std::uint8_t* output) {
  if (channels < kHalf) {
    for (std::int64_t c = 0; c < channels; ++c) output[c] = max_1(taps, c);
    return;
  }
  std::int64_t c = 0;
  for (; c + kVector <= channels; c += kVector) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + c), max_32(taps, c));
  }
  for (; c < channels; c += kHalf) {
    const std::int64_t at = c + kHalf <= channels ? c : channels - kHalf;
    _mm_storel_epi64(reinterpret_cast<__m128i*>(output + at), max_8(taps, at));
  }
}

void max_pool_u8_32_avx2(const MaxPoolArgs& args) {
  const PoolShape& s = args.shape;
  const std::int64_t image_elems = std::int64_t{s.in_h} * s.in_w * s.channels;
  for (std::int64_t row = args.row_begin; row < args.row_end; ++row) {
    const std::uint8_t* image = args.input + row / s.out_h * image_elems;
    const std::int64_t top = row % s.out_h * s.stride_h - s.pad.top;
    for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
      const Taps taps = taps_of(s, image, top, ox * s.stride_w - s.pad.left);
      max_pool_pixel(taps, s.channels, args.output + (row * s.out_w + ox) * s.channels);
    }
  }
}

struct Averaging {
  std::int32_t offset = 0;  // pixels * input zero point
  float multiplier = 0;
};

// Converts int32 sums to averages.
__m256 average(__m256i sum, const Averaging& how) {
  const __m256i centred = _mm256_sub_epi32(sum, _mm256_set1_epi32(how.offset));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(centred), _mm256_set1_ps(how.multiplier));
}

// 257 * 255 is the largest sum that fits 16 bits.
constexpr std::int64_t kPixelsIn16Bits = 257;

void average_32(const Taps& taps, std::int64_t channel, const Averaging& how, const ByteRounder& rounder,
                std::uint8_t* output) {
  const __m256i zero = _mm256_setzero_si256();
  // Unpack widens the 16-bit sums within 128-bit lanes: wide[0] and wide[1] hold channels 0-3 8-11 and 4-7 12-15;
  // wide[2] and wide[3] hold these plus 16.
  __m256i wide[4] = {zero, zero, zero, zero};
  __m256i sum0 = zero;
  __m256i sum1 = zero;
  std::int64_t room = kPixelsIn16Bits;
  const auto flush = [&] {
    wide[0] = _mm256_add_epi32(wide[0], _mm256_unpacklo_epi16(sum0, zero));
    wide[1] = _mm256_add_epi32(wide[1], _mm256_unpackhi_epi16(sum0, zero));
    wide[2] = _mm256_add_epi32(wide[2], _mm256_unpacklo_epi16(sum1, zero));
    wide[3] = _mm256_add_epi32(wide[3], _mm256_unpackhi_epi16(sum1, zero));
    sum0 = zero;
    sum1 = zero;
    room = kPixelsIn16Bits;
  };
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride + channel;
    for (std::int64_t left = taps.columns; left > 0;) {
      if (room == 0) flush();
      const std::int64_t run = left < room ? left : room;
      for (std::int64_t c = 0; c < run; ++c, x += taps.column_stride) {
        const auto* halves = reinterpret_cast<const __m128i*>(x);
        sum0 = _mm256_add_epi16(sum0, _mm256_cvtepu8_epi16(_mm_loadu_si128(halves)));
        sum1 = _mm256_add_epi16(sum1, _mm256_cvtepu8_epi16(_mm_loadu_si128(halves + 1)));
      }
      room -= run;
      left -= run;
    }
  }
  flush();
  store_rounded_32(rounder, output, average(_mm256_permute2x128_si256(wide[0], wide[1], 0x20), how),
                   average(_mm256_permute2x128_si256(wide[0], wide[1], 0x31), how),
                   average(_mm256_permute2x128_si256(wide[2], wide[3], 0x20), how),
                   average(_mm256_permute2x128_si256(wide[2], wide[3], 0x31), how));
}

void average_8(const Taps& taps, std::int64_t channel, const Averaging& how, const ByteRounder& rounder,
               std::uint8_t* output) {
  __m256i sum = _mm256_setzero_si256();
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride + channel;
    for (std::int64_t c = 0; c < taps.columns; ++c, x += taps.column_stride) sum = _mm256_add_epi32(sum, load_8(x));
  }
  store_rounded_8(rounder, output, average(sum, how));
}

// Fewer than 8 channels: they are added one by one and rounded together.
void average_few(const Taps& taps, std::int64_t channels, const Averaging& how, const ByteRounder& rounder,
                 std::uint8_t* output) {
  alignas(32) std::int32_t sums[kHalf] = {};
  for (std::int64_t r = 0; r < taps.rows; ++r) {
    const std::uint8_t* x = taps.first + r * taps.row_stride;
    for (std::int64_t column = 0; column < taps.columns; ++column, x += taps.column_stride) {
      for (std::int64_t c = 0; c < channels; ++c) sums[c] += x[c];
    }
  }
  std::uint8_t bytes[kHalf] = {};
  store_rounded_8(rounder, bytes, average(_mm256_load_si256(reinterpret_cast<const __m256i*>(sums)), how));
  for (std::int64_t c = 0; c < channels; ++c) output[c] = bytes[c];
}

void average_pool_pixel(const Taps& taps, std::int64_t channels, const Averaging& how, const ByteRounder& rounder,
                        std::uint8_t* output) {
  if (channels < kHalf) return average_few(taps, channels, how, rounder, output);
  std::int64_t c = 0;
  for (; c + kVector <= channels; c += kVector) average_32(taps, c, how, rounder, output + c);
  for (; c < channels; c += kHalf) {
    const std::int64_t at = c + kHalf <= channels ? c : channels - kHalf;
    average_8(taps, at, how, rounder, output + at);
  }
}

void average_pool_u8_32_avx2(const AveragePoolArgs& args) {
  const PoolShape& s = args.shape;
  const Quantization& from = args.input_quantization;
  const Quantization& to = args.output_quantization;
  const ByteRounder rounder = make_byte_rounder(to.zero_point, to.range);
  const std::int64_t image_elems = std::int64_t{s.in_h} * s.in_w * s.channels;
  const Interval no_pad_h{0, s.in_h};
  const Interval no_pad_w{0, s.in_w};
  const Interval pad_h{-s.pad.top, std::int64_t{s.in_h} + s.pad.bottom};
  const Interval pad_w{-s.pad.left, std::int64_t{s.in_w} + s.pad.right};
  const Interval& counted_h = args.count_include_pad ? pad_h : no_pad_h;
  const Interval& counted_w = args.count_include_pad ? pad_w : no_pad_w;

  Averaging how;
  std::int64_t divisor = -1;
  for (std::int64_t row = args.row_begin; row < args.row_end; ++row) {
    const std::uint8_t* image = args.input + row / s.out_h * image_elems;
    const std::int64_t top = row % s.out_h * s.stride_h - s.pad.top;
    const Interval rows = taps_inside(top, s.kernel_h, 1, counted_h.begin, counted_h.end);
    for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
      const std::int64_t left = ox * s.stride_w - s.pad.left;
      const Interval columns = taps_inside(left, s.kernel_w, 1, counted_w.begin, counted_w.end);
      const Taps taps = taps_of(s, image, top, left);
      const std::int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
      if (count != divisor) {  // changes at borders only
        divisor = count;
        how.multiplier = static_cast<float>(double{from.scale} / (double{to.scale} * static_cast<double>(count)));
      }
      how.offset = static_cast<std::int32_t>(taps.rows * taps.columns * from.zero_point);
      average_pool_pixel(taps, s.channels, how, rounder, args.output + (row * s.out_w + ox) * s.channels);
    }
  }
}

constexpr PoolKernels kPool{"max_pool_u8_32_avx2", max_pool_u8_32_avx2, "average_pool_u8_32_avx2",
                            average_pool_u8_32_avx2};

}  // namespace

const PoolKernels* pool() { return &kPool; }

}  // namespace narrow::kernels::avx2
