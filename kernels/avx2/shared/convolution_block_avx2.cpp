#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "base/arithmetic.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

// The lines of a block take half of a small L2 cache (256 KiB). The rest is for weights.
constexpr std::int64_t kLinesBytes = 128 * 1024;
// A block of this size uses each panel of weights often, and its pointer table stays in L1.
constexpr std::int64_t kBlockPixels = 1536;
constexpr std::int64_t kSlackBytes = 64;

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
  // Pixels [begin, end) of the line lie inside the image: 0 <= pixel * column_step - pad.left < in_w.
  const std::int64_t end =
      base::clamped(base::ceil_div(std::int64_t{shape.in_w} + shape.pad.left, plan.column_step), 0, plan.line_pixels);
  const std::int64_t begin = base::clamped(base::ceil_div(shape.pad.left, plan.column_step), 0, end);
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
  BlockPlan plan;
  plan.element = element;
  plan.pixel_bytes = shape.in_c;
  if (element == BlockElement::kS16) plan.pixel_bytes *= 2;
  if (element == BlockElement::kPairs) plan.pixel_bytes = (plan.pixel_bytes + 1) / 2;
  plan.column_step = shape.kernel_w == 1 ? shape.stride_w : 1;
  plan.window_step = shape.kernel_w == 1 ? 1 : shape.stride_w;
  plan.row_step = shape.kernel_h == 1 ? shape.stride_h : 1;
  plan.line_step = shape.kernel_h == 1 ? 1 : shape.stride_h;
  plan.line_pixels =
      (std::int64_t{shape.out_w} - 1) * plan.window_step + (std::int64_t{shape.kernel_w} - 1) * shape.dilation_w + 1;
  plan.line_bytes = plan.line_pixels * plan.pixel_bytes;
  plan.window_lines = (std::int64_t{shape.kernel_h} - 1) * shape.dilation_h + 1;
  // The lines of an image whose first n output rows are in the block: n * line_step + halo.
  const std::int64_t halo = base::clamped(plan.window_lines - plan.line_step, 0, plan.window_lines);
  const std::int64_t lines = base::clamped(kLinesBytes / plan.line_bytes, 1, kLinesBytes);
  const std::int64_t image_lines = shape.out_h * plan.line_step + halo;
  plan.block_rows = lines >= image_lines ? lines / image_lines * shape.out_h : (lines - halo) / plan.line_step;
  plan.block_rows = base::clamped(plan.block_rows, 1, base::clamped(kBlockPixels / shape.out_w, 1, kBlockPixels));
  // A block of n rows may begin and end in the middle of an image.
  const std::int64_t images = base::clamped((plan.block_rows - 1) / shape.out_h + 2, 1, plan.block_rows);
  const std::int64_t block_lines = plan.block_rows * plan.line_step + images * halo;
  plan.table_bytes = base::round_up(plan.block_rows * shape.out_w * std::int64_t{sizeof(void*)}, 64);
  plan.workspace_bytes = plan.table_bytes + base::round_up(block_lines * plan.line_bytes + kSlackBytes, 64);
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
