#include "kernels/avx2/depthwise_rows_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kNone = INT64_MIN;

std::int64_t greatest_common_divisor(std::int64_t a, std::int64_t b) {
  while (b != 0) {
    const std::int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

std::int64_t clamped(std::int64_t value, std::int64_t lo, std::int64_t hi) {
  return value < lo ? lo : (value > hi ? hi : value);
}

std::int64_t round_up(std::int64_t value, std::int64_t to) { return (value + to - 1) / to * to; }

__attribute__((always_inline)) inline __m128i load16(const std::uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// Without reading beyond `count` bytes.
__m128i load_part(const std::uint8_t* from, int count) {
  alignas(16) std::uint8_t bytes[16] = {};
  std::memcpy(bytes, from, static_cast<std::size_t>(count));
  return load16(bytes);
}

template <PairElement kElement>
__attribute__((always_inline)) inline void store_pixel(__m128i upper, __m128i lower, std::uint8_t* to) {
  const __m128i low = _mm_unpacklo_epi8(upper, lower);
  const __m128i high = _mm_unpackhi_epi8(upper, lower);
  if constexpr (kElement == PairElement::kU8) {
    _mm_store_si128(reinterpret_cast<__m128i*>(to), low);
    _mm_store_si128(reinterpret_cast<__m128i*>(to) + 1, high);
  } else {
    __m256i* const out = reinterpret_cast<__m256i*>(to);
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    const __m256i zero = _mm256_setzero_si256();
    _mm256_store_si256(out, _mm256_unpacklo_epi8(bytes, zero));
    _mm256_store_si256(out + 1, _mm256_unpackhi_epi8(bytes, zero));
  }
}

}  // namespace

PairPlan plan_pairs(const ConvolutionShape& shape, PairElement element, std::int64_t tile_pixels) {
  PairPlan plan;
  plan.element = element;
  plan.pairs = (std::int64_t{shape.kernel_h} + 1) / 2;
  const auto pixels = [&](std::int64_t outputs) {
    return (outputs - 1) * shape.stride_w + (std::int64_t{shape.kernel_w} - 1) * shape.dilation_w + 1;
  };
  plan.line_pixels = pixels(shape.out_w);
  plan.pixel_bytes = 2 * kDepthwiseChannels * (element == PairElement::kS16 ? 2 : 1);
  // Lines are not a multiple of 4 KiB apart, or they would share the few ways of a set of L1.
  plan.line_bytes = round_up(pixels(round_up(shape.out_w, tile_pixels)) * plan.pixel_bytes, 256) + 64;
  const std::int64_t pair_step = 2 * std::int64_t{shape.dilation_h};
  plan.line_step = plan.pairs > 1 ? greatest_common_divisor(shape.stride_h, pair_step) : shape.stride_h;
  plan.row_lines = shape.stride_h / plan.line_step;
  plan.pair_lines = plan.pairs > 1 ? pair_step / plan.line_step : 0;
  plan.slots = (plan.pairs - 1) * plan.pair_lines + 1;
  const std::int64_t table_bytes = round_up(plan.slots * std::int64_t{sizeof(std::int64_t)}, 64);
  plan.workspace_bytes = table_bytes + 64 + plan.slots * plan.line_bytes;
  return plan;
}

PairLines::PairLines(const ConvolutionProblem& problem, const PairPlan& plan, const std::uint8_t* picture, int channel,
                     int channels, std::byte* workspace)
    : problem_(problem),
      plan_(plan),
      picture_(picture + channel),
      channels_(channels),
      made_(reinterpret_cast<std::int64_t*>(workspace)),
      padding_(reinterpret_cast<std::uint8_t*>(workspace) + plan.workspace_bytes - plan.slots * plan.line_bytes - 64),
      lines_(padding_ + 64) {
  for (std::int64_t slot = 0; slot < plan.slots; ++slot) made_[slot] = kNone;
  std::memset(padding_, problem.input_zero_point, 64);
}

const std::uint8_t* PairLines::line(std::int64_t index) {
  // Division of 32 bits: it takes a third of the time, and a picture has fewer rows.
  const std::uint32_t slot = static_cast<std::uint32_t>(index) % static_cast<std::uint32_t>(plan_.slots);
  std::uint8_t* const at = lines_ + slot * plan_.line_bytes;
  if (made_[slot] != index) {
    fill(index * plan_.line_step - problem_.shape.pad.top, at);
    made_[slot] = index;
  }
  return at;
}

template <PairElement kElement, bool kWhole>
void PairLines::interleave(const std::uint8_t* upper, const std::uint8_t* lower, std::int64_t pixels,
                           std::int64_t upper_step, std::int64_t lower_step, std::uint8_t* to) const {
  constexpr std::int64_t kPixelBytes = kElement == PairElement::kS16 ? 64 : 32;
  const int channels = channels_;
#pragma GCC unroll 4
  for (; pixels > 0; --pixels, upper += upper_step, lower += lower_step, to += kPixelBytes) {
    if constexpr (kWhole) {
      store_pixel<kElement>(load16(upper), load16(lower), to);
    } else {
      store_pixel<kElement>(load_part(upper, channels), load_part(lower, channels), to);
    }
  }
}

void PairLines::fill(std::int64_t first, std::uint8_t* to) const {
  const ConvolutionShape& shape = problem_.shape;
  // Pixels [begin, end) of the line lie inside the picture.
  const std::int64_t begin = clamped(shape.pad.left, 0, plan_.line_pixels);
  const std::int64_t end = clamped(std::int64_t{shape.in_w} + shape.pad.left, begin, plan_.line_pixels);
  const auto row = [&](std::int64_t y) {
    const bool inside = y >= 0 && y < shape.in_h && begin < end;
    return inside ? picture_ + (y * shape.in_w + begin - shape.pad.left) * shape.in_c : padding_;
  };
  const std::uint8_t* const upper = row(first);
  const std::uint8_t* const lower = row(first + shape.dilation_h);
  const std::int64_t upper_step = upper == padding_ ? 0 : shape.in_c;
  const std::int64_t lower_step = lower == padding_ ? 0 : shape.in_c;
  const auto make = [&]<PairElement kElement>() {
    interleave<kElement, true>(padding_, padding_, begin, 0, 0, to);
    std::uint8_t* const inside = to + begin * plan_.pixel_bytes;
    if (channels_ == kDepthwiseChannels) {
      interleave<kElement, true>(upper, lower, end - begin, upper_step, lower_step, inside);
    } else {
      interleave<kElement, false>(upper, lower, end - begin, upper_step, lower_step, inside);
    }
    interleave<kElement, true>(padding_, padding_, plan_.line_pixels - end, 0, 0, to + end * plan_.pixel_bytes);
  };
  if (plan_.element == PairElement::kU8) {
    make.template operator()<PairElement::kU8>();
  } else {
    make.template operator()<PairElement::kS16>();
  }
}

}  // namespace narrow::kernels::avx2
