#include "kernels/avx2/winograd/winograd_columns_avx2.h"

#include <immintrin.h>

#include <cstring>

namespace narrow::kernels::avx2 {
namespace {

__attribute__((always_inline)) inline __m256i load_bytes(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

}  // namespace

void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  if (count < 16) {
    alignas(32) std::int16_t results[16];
    for (int i = 0; i < kWinogradInputs; ++i) {
      alignas(16) std::uint8_t bytes[16] = {};
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load_bytes(bytes);
    }
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(results), out[i]);
      std::memcpy(lines + i * line_bytes, results, static_cast<std::size_t>(count) * 2);
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 16) {
    if (k + 16 > count) k = count - 16;  // the last 16, some of them a second time
    for (int i = 0; i < kWinogradInputs; ++i) d[i] = load_bytes(rows[i] + k);
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(lines + i * line_bytes + k * 2), out[i]);
    }
  }
}

// B applied to a column of zero points is (0, 6 * zero_point, 0, 0, 0, 0).
void fill_columns(std::int32_t zero_point, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  for (int i = 0; i < kWinogradInputs; ++i) {
    std::memset(lines + i * line_bytes, 0, static_cast<std::size_t>(count) * 2);
  }
  std::int16_t* const second = reinterpret_cast<std::int16_t*>(lines + line_bytes);
  const std::int16_t value = static_cast<std::int16_t>(6 * zero_point);
  for (std::int64_t k = 0; k < count; ++k) second[k] = value;
}

}  // namespace narrow::kernels::avx2
