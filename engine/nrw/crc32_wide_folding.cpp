// Folding as in crc32_folding.cpp, with registers that hold 2 or 4 adjacent blocks (VPCLMULQDQ). All blocks move by the
// same number of bits, so they have the same factors.
//
// The file is compiled for the baseline. Two functions are compiled for wider registers and called only on CPUs that
// have them.
#include "engine/nrw/crc32.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <array>

#include "engine/nrw/crc32_factors.h"

namespace narrow::engine {
namespace {

constexpr std::size_t kSums = 4;  // independent ones hide the latency of a product

// The CRC of a message: the sums have the remainder of its beginning, start value included, and `rest` follows. Passing
// ~0 makes the CRC of the sums start from 0.
std::uint32_t crc_of_sums(std::span<const std::byte> sums, std::span<const std::byte> rest) {
  return crc32_by_folding(rest, crc32_by_folding(sums, ~std::uint32_t{0}));
}

}  // namespace

__attribute__((target("avx2,vpclmulqdq"))) std::uint32_t crc32_by_folding_256(std::span<const std::byte> bytes,
                                                                              std::uint32_t previous) noexcept {
  constexpr std::size_t kStride = kSums * sizeof(__m256i);
  constexpr CrcFactors kByStride = crc_factors(8 * kStride);
  if (bytes.size() < 2 * kStride) return crc32_by_folding(bytes, previous);

  const auto* from = reinterpret_cast<const __m256i*>(bytes.data());
  const __m256i start = _mm256_zextsi128_si256(_mm_cvtsi32_si128(static_cast<std::int32_t>(~previous)));
  __m256i a = _mm256_xor_si256(_mm256_loadu_si256(from), start);
  __m256i b = _mm256_loadu_si256(from + 1);
  __m256i c = _mm256_loadu_si256(from + 2);
  __m256i d = _mm256_loadu_si256(from + 3);
  const __m256i factors = _mm256_broadcastsi128_si256(_mm_set_epi64x(kByStride.second, kByStride.first));
  for (bytes = bytes.subspan(kStride); bytes.size() >= kStride; bytes = bytes.subspan(kStride)) {
    from = reinterpret_cast<const __m256i*>(bytes.data());
    a = _mm256_xor_si256(_mm256_clmulepi64_epi128(a, factors, 0x00),
                         _mm256_xor_si256(_mm256_clmulepi64_epi128(a, factors, 0x11), _mm256_loadu_si256(from)));
    b = _mm256_xor_si256(_mm256_clmulepi64_epi128(b, factors, 0x00),
                         _mm256_xor_si256(_mm256_clmulepi64_epi128(b, factors, 0x11), _mm256_loadu_si256(from + 1)));
    c = _mm256_xor_si256(_mm256_clmulepi64_epi128(c, factors, 0x00),
                         _mm256_xor_si256(_mm256_clmulepi64_epi128(c, factors, 0x11), _mm256_loadu_si256(from + 2)));
    d = _mm256_xor_si256(_mm256_clmulepi64_epi128(d, factors, 0x00),
                         _mm256_xor_si256(_mm256_clmulepi64_epi128(d, factors, 0x11), _mm256_loadu_si256(from + 3)));
  }
  std::array<std::byte, kStride> sums{};
  auto* const to = reinterpret_cast<__m256i*>(sums.data());
  _mm256_storeu_si256(to, a);
  _mm256_storeu_si256(to + 1, b);
  _mm256_storeu_si256(to + 2, c);
  _mm256_storeu_si256(to + 3, d);
  return crc_of_sums(sums, bytes);
}

__attribute__((target("avx512f,vpclmulqdq"))) std::uint32_t crc32_by_folding_512(std::span<const std::byte> bytes,
                                                                                 std::uint32_t previous) noexcept {
  constexpr std::size_t kStride = kSums * sizeof(__m512i);
  constexpr CrcFactors kByStride = crc_factors(8 * kStride);
  if (bytes.size() < 2 * kStride) return crc32_by_folding(bytes, previous);

  const auto* from = reinterpret_cast<const __m512i*>(bytes.data());
  const __m512i start = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<std::int32_t>(~previous)));
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(from), start);
  __m512i b = _mm512_loadu_si512(from + 1);
  __m512i c = _mm512_loadu_si512(from + 2);
  __m512i d = _mm512_loadu_si512(from + 3);
  const __m512i factors = _mm512_set4_epi64(kByStride.second, kByStride.first, kByStride.second, kByStride.first);
  constexpr int kSumOfThree = 0x96;
  for (bytes = bytes.subspan(kStride); bytes.size() >= kStride; bytes = bytes.subspan(kStride)) {
    from = reinterpret_cast<const __m512i*>(bytes.data());
    a = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(a, factors, 0x00),
                                  _mm512_clmulepi64_epi128(a, factors, 0x11), _mm512_loadu_si512(from), kSumOfThree);
    b = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(b, factors, 0x00),
                                  _mm512_clmulepi64_epi128(b, factors, 0x11), _mm512_loadu_si512(from + 1),
                                  kSumOfThree);
    c = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(c, factors, 0x00),
                                  _mm512_clmulepi64_epi128(c, factors, 0x11), _mm512_loadu_si512(from + 2),
                                  kSumOfThree);
    d = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(d, factors, 0x00),
                                  _mm512_clmulepi64_epi128(d, factors, 0x11), _mm512_loadu_si512(from + 3),
                                  kSumOfThree);
  }
  std::array<std::byte, kStride> sums{};
  auto* const to = reinterpret_cast<__m512i*>(sums.data());
  _mm512_storeu_si512(to, a);
  _mm512_storeu_si512(to + 1, b);
  _mm512_storeu_si512(to + 2, c);
  _mm512_storeu_si512(to + 3, d);
  return crc_of_sums(sums, bytes);
}

}  // namespace narrow::engine
#else
namespace narrow::engine {

// No CPU of another architecture has VPCLMULQDQ.
std::uint32_t crc32_by_folding_256(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  return crc32_by_table(bytes, previous);
}
std::uint32_t crc32_by_folding_512(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  return crc32_by_table(bytes, previous);
}

}  // namespace narrow::engine
#endif
