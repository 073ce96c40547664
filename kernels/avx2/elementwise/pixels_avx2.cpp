#include "kernels/avx2/families_avx2.h"

#include <immintrin.h>

#include "kernels/shared/pixel_arithmetic.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kRows = 4;        // rows that share what was made of the weights
constexpr std::int64_t kLoadBytes = 16;  // of one load of four pixels
constexpr int kLowBits = 15;

// Four output rows of one pixel. `vpmaddwd` multiplies two neighbouring pixels at a time, but by 16 bits only. So a
// weight is divided: weight = high * 2^15 + low, 0 <= low < 2^15, and sum = 2^15 * (sum of high) + (sum of low). All of
// it is exact modulo 2^32, and the sum fits into int32.
class FourRows {
 public:
  // pixel_bytes: 3 or 4.
  explicit FourRows(std::int64_t pixel_bytes) {
    // Bytes to words of the channels of two pixels: the low half takes pixels 0 and 1, the high half pixels 2 and 3.
    pairs_ = pixel_bytes == 3 ? _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                                 6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1)
                              : _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, -1, -1, -1, -1,  //
                                                 8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, -1, -1, -1, -1);
  }

  void add(const std::uint8_t* const pixels[kRows], const std::int32_t* weights) {
    const __m128i weight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights));
    // Words low 0..3, high 0..3; as doublewords low 01, low 23, high 01, high 23.
    const __m256i parts = _mm256_castsi128_si256(
        _mm_packs_epi32(_mm_and_si128(weight, _mm_set1_epi32((1 << kLowBits) - 1)), _mm_srai_epi32(weight, kLowBits)));
    const __m256i low = _mm256_permutevar8x32_epi32(parts, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
    const __m256i high = _mm256_permutevar8x32_epi32(parts, _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3));
    for (std::int64_t row = 0; row < kRows; ++row) {
      const __m256i words = _mm256_shuffle_epi8(
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels[row]))), pairs_);
      low_[row] = _mm256_add_epi32(low_[row], _mm256_madd_epi16(words, low));
      high_[row] = _mm256_add_epi32(high_[row], _mm256_madd_epi16(words, high));
    }
  }

  // Writes 4 bytes to each row, of which the last is of no use.
  void store(std::uint8_t* output, std::int64_t stride) const {
    const __m256i rows01 = rounded(sum(0), sum(1));
    const __m256i rows23 = rounded(sum(2), sum(3));
    const __m256i words = _mm256_packs_epi32(rows01, rows23);  // rows 0 and 2, rows 1 and 3
    const __m256i bytes = _mm256_packus_epi16(words, words);
    const __m128i even = _mm256_castsi256_si128(bytes);
    const __m128i odd = _mm256_extracti128_si256(bytes, 1);
    store_4(output, _mm_cvtsi128_si32(even));
    store_4(output + stride, _mm_cvtsi128_si32(odd));
    store_4(output + 2 * stride, _mm_extract_epi32(even, 1));
    store_4(output + 3 * stride, _mm_extract_epi32(odd, 1));
  }

 private:
  [[nodiscard]] __m256i sum(int row) const {
    return _mm256_add_epi32(_mm256_slli_epi32(high_[row], kLowBits), low_[row]);
  }
  // The two halves of each are added, rounded and shifted.
  [[nodiscard]] static __m256i rounded(__m256i a, __m256i b) {
    const __m256i both = _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
    return _mm256_srai_epi32(_mm256_add_epi32(both, _mm256_set1_epi32(1 << (kResizeWeightBits - 1))),
                             kResizeWeightBits);
  }
  static void store_4(std::uint8_t* output, int bytes) { __builtin_memcpy(output, &bytes, sizeof bytes); }

  __m256i pairs_;
  __m256i low_[kRows] = {};
  __m256i high_[kRows] = {};
};

void resize_rows_u8_4_avx2(const ResizeRowsArgs& args) {
  // Output pixels whose loads stay within the row, and whose fourth byte does too. The last group of weights begins
  // before first + count, so a load ends before first + count - 1 and what it loads.
  const auto fits = [&args](std::int64_t x) {
    const ResizeTap& tap = args.taps[x];
    return (tap.first + tap.count - 1) * args.pixel_bytes + kLoadBytes <= args.input_pixels * args.pixel_bytes;
  };
  std::int64_t fitting = args.output_pixels - 1;
  while (fitting > 0 && !fits(fitting - 1)) --fitting;

  for (std::int64_t begin = 0; begin < args.rows; begin += kRows) {
    if (begin + kRows > args.rows) {  // fewer than four rows are left: the last four once more
      if (args.rows < kRows) break;
      begin = args.rows - kRows;
    }
    const std::uint8_t* const input = args.input + begin * args.input_stride;
    std::uint8_t* const output = args.output + begin * args.output_stride;
    for (std::int64_t x = 0; x < fitting; ++x) {
      const ResizeTap& tap = args.taps[x];
      FourRows sums(args.pixel_bytes);
      const std::uint8_t* pixel = input + tap.first * args.pixel_bytes;
      for (std::int64_t i = 0; i < tap.count; i += kResizeWeightGroup, pixel += kResizeWeightGroup * args.pixel_bytes) {
        const std::uint8_t* const pixels[kRows] = {pixel, pixel + args.input_stride, pixel + 2 * args.input_stride,
                                                   pixel + 3 * args.input_stride};
        sums.add(pixels, args.weights + tap.offset + i);
      }
      sums.store(output + 3 * x, args.output_stride);
    }
  }
  const std::int64_t first = args.rows < kRows ? 0 : fitting;
  for (std::int64_t row = 0; row < args.rows; ++row) {
    for (std::int64_t x = first; x < args.output_pixels; ++x) {
      resize_pixel(args, args.input + row * args.input_stride, x, args.output + row * args.output_stride + 3 * x);
    }
  }
}

// 8 bytes at `x` of each row, weighted, rounded and shifted.
__m256i column_sums(const ResizeColumnsArgs& args, std::int64_t x) {
  __m256i sum = _mm256_set1_epi32(1 << (kResizeWeightBits - 1));
  for (std::int64_t i = 0; i < args.count; ++i) {
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(args.rows[i] + x)));
    sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(bytes, _mm256_set1_epi32(args.weights[i])));
  }
  return _mm256_srai_epi32(sum, kResizeWeightBits);
}

void resize_columns_u8_32_avx2(const ResizeColumnsArgs& args) {
  constexpr std::int64_t kVector = 32;
  constexpr std::int64_t kEight = 8;
  std::int64_t x = 0;
  for (; x + kVector <= args.elems; x += kVector) {
    const __m256i first = _mm256_packs_epi32(column_sums(args, x), column_sums(args, x + 8));
    const __m256i second = _mm256_packs_epi32(column_sums(args, x + 16), column_sums(args, x + 24));
    const __m256i bytes =
        _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(args.output + x), bytes);
  }
  for (; x + kEight <= args.elems; x += kEight) {
    const __m256i sums = column_sums(args, x);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(args.output + x), _mm_packus_epi16(words, words));
  }
  for (; x < args.elems; ++x) args.output[x] = resize_column(args, x);
}

// Clamped to 0..255 in 32 bits.
__m256i to_byte(__m256i sum) {
  return _mm256_min_epi32(_mm256_max_epi32(_mm256_srai_epi32(sum, 20), _mm256_setzero_si256()), _mm256_set1_epi32(255));
}

void yuv_row_u8_8_avx2(const YuvRowArgs& args) {
  constexpr std::int64_t kPixels = 8;
  const YuvCoefficients& by = args.coefficients;
  const __m256i luma_zero = _mm256_set1_epi32(by.luma_zero);
  const __m256i luma = _mm256_set1_epi32(by.luma);
  const __m256i half = _mm256_set1_epi32(1 << 19);
  const __m256i grey = _mm256_set1_epi32(128);
  // The index of the chroma of 8 pixels, as bytes that are widened to doublewords: each one twice.
  const __m128i twice = _mm_setr_epi8(0, 0, 1, 1, 2, 2, 3, 3, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i even_twice = _mm_setr_epi8(0, 0, 2, 2, 4, 4, 6, 6, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i odd_twice = _mm_setr_epi8(1, 1, 3, 3, 5, 5, 7, 7, -1, -1, -1, -1, -1, -1, -1, -1);

  std::int64_t x = args.begin;
  std::uint8_t* output = args.output;
  for (; x + kPixels <= args.end; x += kPixels, output += 4 * kPixels) {
    __m128i u_bytes;
    __m128i v_bytes;
    if (args.chroma_step == 2) {
      const std::uint8_t* const first = args.u < args.v ? args.u : args.v;
      const __m128i both = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(first + x));
      const bool u_first = args.u < args.v;
      u_bytes = _mm_shuffle_epi8(both, u_first ? even_twice : odd_twice);
      v_bytes = _mm_shuffle_epi8(both, u_first ? odd_twice : even_twice);
    } else {
      int u_four = 0;
      int v_four = 0;
      __builtin_memcpy(&u_four, args.u + x / 2, sizeof u_four);
      __builtin_memcpy(&v_four, args.v + x / 2, sizeof v_four);
      u_bytes = _mm_shuffle_epi8(_mm_cvtsi32_si128(u_four), twice);
      v_bytes = _mm_shuffle_epi8(_mm_cvtsi32_si128(v_four), twice);
    }
    const __m256i u = _mm256_sub_epi32(_mm256_cvtepu8_epi32(u_bytes), grey);
    const __m256i v = _mm256_sub_epi32(_mm256_cvtepu8_epi32(v_bytes), grey);
    const __m256i y_bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(args.y + x)));
    const __m256i above_black = _mm256_max_epi32(_mm256_sub_epi32(y_bytes, luma_zero), _mm256_setzero_si256());
    const __m256i y = _mm256_add_epi32(_mm256_mullo_epi32(above_black, luma), half);
    const auto product = [](__m256i values, std::int32_t by_value) {
      return _mm256_mullo_epi32(values, _mm256_set1_epi32(by_value));
    };
    const __m256i red = to_byte(_mm256_add_epi32(y, product(v, by.v_to_red)));
    const __m256i green =
        to_byte(_mm256_add_epi32(_mm256_add_epi32(y, product(u, by.u_to_green)), product(v, by.v_to_green)));
    const __m256i blue = to_byte(_mm256_add_epi32(y, product(u, by.u_to_blue)));
    const __m256i pixels =
        _mm256_or_si256(_mm256_or_si256(red, _mm256_slli_epi32(green, 8)), _mm256_slli_epi32(blue, 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(output), pixels);
  }
  for (; x < args.end; ++x, output += 4) yuv_pixel(args, x, output);
}

constexpr PixelKernels kPixels{
    "resize_rows_u8_4_avx2",   resize_rows_u8_4_avx2, "resize_columns_u8_32_avx2",
    resize_columns_u8_32_avx2, "yuv_row_u8_8_avx2",   yuv_row_u8_8_avx2,
};

}  // namespace

const PixelKernels* pixels() { return &kPixels; }

}  // namespace narrow::kernels::avx2
