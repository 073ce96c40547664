#include "kernels/avx2/shared/convolution_block_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "base/arithmetic.h"

namespace narrow::kernels::avx2 {
namespace {

// dst[i] = src[i] - zero_point.
void widen(const std::uint8_t* src, std::int64_t count, std::int32_t zero_point, std::int16_t* dst) {
  if (count < 16) {
    for (std::int64_t i = 0; i < count; ++i) dst[i] = static_cast<std::int16_t>(src[i] - zero_point);
    return;
  }
  const __m256i zero = _mm256_set1_epi16(static_cast<std::int16_t>(zero_point));
  for (std::int64_t i = 0;; i += 16) {
    if (i >= count) return;
    if (i + 16 > count) i = count - 16;  // the last 16, which repeats some
    const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst + i), _mm256_sub_epi16(x, zero));
  }
}

std::uint8_t pair_of(int x0, int x1) { return static_cast<std::uint8_t>(16 * (x0 + 4 * x1)); }

// dst[i] = the pair of src[2 * i] and src[2 * i + 1]. `count`, of src, is even.
void pack_pairs(const std::uint8_t* src, std::int64_t count, std::uint8_t* dst) {
  constexpr std::int64_t kVectors = 64;
  const __m256i factors = _mm256_set1_epi16(16 + 256 * 64);
  if (count < kVectors) {
    std::int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
      const __m128i words = _mm_maddubs_epi16(_mm256_castsi256_si128(factors),
                                              _mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i)));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(dst + i / 2), _mm_packus_epi16(words, words));
    }
    for (; i < count; i += 2) dst[i / 2] = pair_of(src[i], src[i + 1]);
    return;
  }
  const auto words = [&](std::int64_t i) {
    return _mm256_maddubs_epi16(factors, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(src + i)));
  };
  for (std::int64_t i = 0;; i += kVectors) {
    if (i >= count) return;
    if (i + kVectors > count) i = count - kVectors;  // the last 64, which repeats some
    const __m256i pairs = _mm256_packus_epi16(words(i), words(i + 32));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst + i / 2), _mm256_permute4x64_epi64(pairs, 0xD8));
  }
}

void load_elements(const BlockPlan& plan, const std::uint8_t* src, std::int64_t count, std::int32_t zero_point,
                   std::uint8_t* dst) {
  switch (plan.element) {
    case BlockElement::kU8:
      return void(std::memcpy(dst, src, static_cast<std::size_t>(count)));
    case BlockElement::kS16:
      return widen(src, count, zero_point, reinterpret_cast<std::int16_t*>(dst));
    case BlockElement::kPairs:
      return pack_pairs(src, count, dst);
  }
}

std::uint8_t padding_byte(BlockElement element, std::int32_t zero_point) {
  switch (element) {
    case BlockElement::kU8:
      return static_cast<std::uint8_t>(zero_point);
    case BlockElement::kS16:
      return 0;
    case BlockElement::kPairs:
      return pair_of(zero_point, zero_point);
  }
  return 0;
}

void fill_padding(const BlockPlan& plan, std::int64_t pixels, std::int32_t zero_point, std::uint8_t* dst) {
  std::memset(dst, padding_byte(plan.element, zero_point), static_cast<std::size_t>(pixels * plan.pixel_bytes));
}

// `row` is the input row, or nullptr for a row of padding.
void load_line(const ConvolutionProblem& problem, const BlockPlan& plan, const std::uint8_t* row, std::uint8_t* line) {
  const ConvolutionShape& shape = problem.shape;
  const std::int32_t zero_point = problem.input_zero_point;
  if (row == nullptr) return fill_padding(plan, plan.line_pixels, zero_point, line);
  const auto [begin, end] = image_pixels(shape, plan);
  fill_padding(plan, begin, zero_point, line);
  if (begin < end) {
    std::uint8_t* dst = line + begin * plan.pixel_bytes;
    if (plan.column_step == 1) {
      load_elements(plan, row + (begin - shape.pad.left) * shape.in_c, (end - begin) * shape.in_c, zero_point, dst);
    } else {
      for (std::int64_t pixel = begin; pixel < end; ++pixel, dst += plan.pixel_bytes) {
        load_elements(plan, row + (pixel * plan.column_step - shape.pad.left) * shape.in_c, shape.in_c, zero_point,
                      dst);
      }
    }
  }
  fill_padding(plan, plan.line_pixels - end, zero_point, line + end * plan.pixel_bytes);
}

}  // namespace

BlockPlan plan_blocks(const ConvolutionShape& shape, BlockElement element) {
  std::int64_t pixel_bytes = shape.in_c;
  if (element == BlockElement::kS16) pixel_bytes *= 2;
  if (element == BlockElement::kPairs) pixel_bytes = (pixel_bytes + 1) / 2;
  BlockPlan plan{plan_lines(shape, pixel_bytes), element, 0};
  plan.workspace_bytes = plan.table_bytes + plan.lines_bytes;
  return plan;
}

const std::uint8_t* const* load_block(const ConvolutionProblem& problem, const BlockPlan& plan,
                                      const std::uint8_t* input, std::int64_t first_row, std::int64_t rows,
                                      std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t row_elems = std::int64_t{shape.in_w} * shape.in_c;
  const std::uint8_t** const table = reinterpret_cast<const std::uint8_t**>(workspace);
  const std::uint8_t** entry = table;
  std::uint8_t* line = reinterpret_cast<std::uint8_t*>(workspace) + plan.table_bytes;
  while (rows > 0) {
    const std::int64_t first_y = first_row % shape.out_h;
    const std::int64_t span = base::clamped(rows, 1, shape.out_h - first_y);  // output rows of this image
    const std::uint8_t* const image = input + first_row / shape.out_h * shape.in_h * row_elems;
    for (std::int64_t row = 0; row < span; ++row) {
      const std::uint8_t* window = line + row * plan.line_step * plan.line_bytes;
      for (int x = 0; x < shape.out_w; ++x, window += plan.window_step * plan.pixel_bytes) *entry++ = window;
    }
    const std::int64_t lines = (span - 1) * plan.line_step + plan.window_lines;
    std::int64_t y = first_y * shape.stride_h - shape.pad.top;
    for (std::int64_t i = 0; i < lines; ++i, y += plan.row_step, line += plan.line_bytes) {
      load_line(problem, plan, y >= 0 && y < shape.in_h ? image + y * row_elems : nullptr, line);
    }
    first_row += span;
    rows -= span;
  }
  return table;
}

}  // namespace narrow::kernels::avx2
