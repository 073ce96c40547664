#include "kernels/avx2/families_avx2.h"

#include <immintrin.h>

#include "kernels/avx2/elementwise/byte_vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kParts = 16;  // of 16 entries, the table of one shuffle

// Looks up 32 entries at once. The shuffle of each part returns its entries and zero for all other indices.
NARROW_INLINE __m256i lookup_32(const __m256i* parts, __m256i x) {
  const __m256i sixteen = _mm256_set1_epi8(16);
  // After the saturating addition, bit 7 is clear if the index lies within the part, and set otherwise.
  const __m256i mark = _mm256_set1_epi8(0x70);
  __m256i result = _mm256_setzero_si256();
  for (int part = 0; part < kParts; ++part) {
    result = _mm256_or_si256(result, _mm256_shuffle_epi8(parts[part], _mm256_adds_epu8(x, mark)));
    x = _mm256_sub_epi8(x, sixteen);
  }
  return result;
}

void lookup_u8_32_avx2(const LookupArgs& args) {
  std::int64_t i = 0;
  if (args.count >= 2 * kVector) {
    __m256i parts[kParts];
    for (int part = 0; part < kParts; ++part) {
      parts[part] =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(args.table + part * 16)));
    }
    for (; i + kVector <= args.count; i += kVector) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(args.input + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(args.output + i), lookup_32(parts, x));
    }
  }
  for (; i < args.count; ++i) args.output[i] = args.table[args.input[i]];
}

// Neighbouring elements have different tables, so one load for each is the fastest way.
void channel_lookup_u8_1_avx2(const ChannelLookupArgs& args) {
  const std::uint8_t* x = args.input;
  std::uint8_t* y = args.output;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    for (std::int64_t c = 0; c < args.channels; ++c) *y++ = args.table[c * 256 + *x++];
  }
}

constexpr LookupKernels kLookup{"lookup_u8_32_avx2", lookup_u8_32_avx2, "channel_lookup_u8_1_avx2",
                                channel_lookup_u8_1_avx2};

}  // namespace

const LookupKernels* lookup() { return &kLookup; }

}  // namespace narrow::kernels::avx2
