// A CRC is the remainder of the message, as a polynomial over GF(2), modulo P. x^n * A has the remainder of (x^n mod P)
// * A. So an early block can be multiplied by a constant and added to a later block without knowing the quotient
// ("folding": Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009).
//
// Bits are reflected: the first byte's lowest bit is the highest power. The file is compiled for the baseline. One
// function is compiled for PCLMULQDQ and called only on CPUs that have it. No inline function is compiled for that
// target.
#include "engine/nrw/crc32.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <array>

#include "engine/nrw/crc32_factors.h"

namespace narrow::engine {
namespace {

constexpr std::size_t kBlock = sizeof(__m128i);
constexpr std::size_t kStride = 4 * kBlock;  // four independent sums hide the latency of a product

constexpr CrcFactors kByStride = crc_factors(8 * kStride);
constexpr CrcFactors kByBlock = crc_factors(8 * kBlock);

}  // namespace

__attribute__((target("pclmul"))) std::uint32_t crc32_by_folding(std::span<const std::byte> bytes,
                                                                 std::uint32_t previous) noexcept {
  const std::byte* data = bytes.data();
  std::size_t left = bytes.size();
  if (left < 2 * kStride) return crc32_by_table(bytes, previous);

  const auto* blocks = reinterpret_cast<const __m128i*>(data);
  // The start value is added to the first 32 bits of the message.
  __m128i a = _mm_xor_si128(_mm_loadu_si128(blocks), _mm_cvtsi32_si128(static_cast<std::int32_t>(~previous)));
  __m128i b = _mm_loadu_si128(blocks + 1);
  __m128i c = _mm_loadu_si128(blocks + 2);
  __m128i d = _mm_loadu_si128(blocks + 3);
  const __m128i by_stride = _mm_set_epi64x(kByStride.second, kByStride.first);
  for (data += kStride, left -= kStride; left >= kStride; data += kStride, left -= kStride) {
    blocks = reinterpret_cast<const __m128i*>(data);
    a = _mm_xor_si128(_mm_clmulepi64_si128(a, by_stride, 0x00),
                      _mm_xor_si128(_mm_clmulepi64_si128(a, by_stride, 0x11), _mm_loadu_si128(blocks)));
    b = _mm_xor_si128(_mm_clmulepi64_si128(b, by_stride, 0x00),
                      _mm_xor_si128(_mm_clmulepi64_si128(b, by_stride, 0x11), _mm_loadu_si128(blocks + 1)));
    c = _mm_xor_si128(_mm_clmulepi64_si128(c, by_stride, 0x00),
                      _mm_xor_si128(_mm_clmulepi64_si128(c, by_stride, 0x11), _mm_loadu_si128(blocks + 2)));
    d = _mm_xor_si128(_mm_clmulepi64_si128(d, by_stride, 0x00),
                      _mm_xor_si128(_mm_clmulepi64_si128(d, by_stride, 0x11), _mm_loadu_si128(blocks + 3)));
  }
  const __m128i by_block = _mm_set_epi64x(kByBlock.second, kByBlock.first);
  b = _mm_xor_si128(b, _mm_xor_si128(_mm_clmulepi64_si128(a, by_block, 0x00), _mm_clmulepi64_si128(a, by_block, 0x11)));
  c = _mm_xor_si128(c, _mm_xor_si128(_mm_clmulepi64_si128(b, by_block, 0x00), _mm_clmulepi64_si128(b, by_block, 0x11)));
  d = _mm_xor_si128(d, _mm_xor_si128(_mm_clmulepi64_si128(c, by_block, 0x00), _mm_clmulepi64_si128(c, by_block, 0x11)));

  // These 16 bytes have the remainder of all bytes so far, start value included. Passing ~0 makes the table version
  // start from 0.
  std::array<std::byte, kBlock> rest{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), d);
  return crc32_by_table({data, left}, crc32_by_table(rest, ~std::uint32_t{0}));
}

}  // namespace narrow::engine
#else
namespace narrow::engine {

// No CPU of another architecture has PCLMULQDQ.
std::uint32_t crc32_by_folding(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  return crc32_by_table(bytes, previous);
}

}  // namespace narrow::engine
#endif
