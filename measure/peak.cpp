#include "measure/peak.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdint>

#include "kernels/cpu_features.h"
#include "kernels/isa_table.h"
#include "measure/cpu_time.h"

namespace narrow::measure {
namespace {

constexpr int kRounds = 12;
constexpr int kSteps = 400'000;
constexpr int kAccumulators = 12;  // as many as hide the latency of every mix

#ifdef __x86_64__
// `x` changes in every step as far as the compiler knows, or it would multiply once.
#define NARROW_PEAK_LOOP(sum)                                                                                 \
  for (int i = 0; i < kSteps; ++i) {                                                                          \
    NARROW_PEAK_STEP(a0, sum)                                                                                 \
    NARROW_PEAK_STEP(a1, sum)                                                                                 \
    NARROW_PEAK_STEP(a2, sum)                                                                                 \
    NARROW_PEAK_STEP(a3, sum)                                                                                 \
    NARROW_PEAK_STEP(a4, sum)                                                                                 \
    NARROW_PEAK_STEP(a5, sum)                                                                                 \
    NARROW_PEAK_STEP(a6, sum)                                                                                 \
    NARROW_PEAK_STEP(a7, sum)                                                                                 \
    NARROW_PEAK_STEP(a8, sum) NARROW_PEAK_STEP(a9, sum) NARROW_PEAK_STEP(a10, sum) NARROW_PEAK_STEP(a11, sum) \
  }
#define NARROW_PEAK_STEP(a, sum)  \
  __asm__ volatile("" : "+v"(x)); \
  a = sum(a, x, w);               \
  __asm__ volatile("" : "+v"(a));

#define NARROW_WORDS(a, x, w) _mm256_add_epi32(a, _mm256_madd_epi16(x, w))
#define NARROW_BYTES(a, x, w) _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), ones))
#define NARROW_PAIRS(a, x, w) \
  _mm256_add_epi32(a,         \
                   _mm256_madd_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(x, w), _mm256_maddubs_epi16(x, w2)), ones))
#define NARROW_PAIR_TABLES(a, x, w) _mm256_add_epi8(a, _mm256_shuffle_epi8(x, w))
#define NARROW_SUMS16(a, x, w) _mm256_add_epi16(a, _mm256_maddubs_epi16(x, w))

__attribute__((target("avx2"), noinline)) void words_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi16(3);
  const __m256i w = _mm256_set1_epi16(5);
  NARROW_PEAK_LOOP(NARROW_WORDS)
}

__attribute__((target("avx2"), noinline)) void bytes_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  NARROW_PEAK_LOOP(NARROW_BYTES)
}

__attribute__((target("avx2"), noinline)) void pairs_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  const __m256i w2 = _mm256_set1_epi8(7);
  const __m256i ones = _mm256_set1_epi16(1);
  NARROW_PEAK_LOOP(NARROW_PAIRS)
}

__attribute__((target("avx2"), noinline)) void sums16_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  NARROW_PEAK_LOOP(NARROW_SUMS16)
}

__attribute__((target("avx2"), noinline)) void pair_tables_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  NARROW_PEAK_LOOP(NARROW_PAIR_TABLES)
}

__attribute__((target("avx2,avxvnni"), noinline)) void dot_loop() {
  __m256i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m256i x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  NARROW_PEAK_LOOP(_mm256_dpbusd_avx_epi32)
}

__attribute__((target("avx512f,avx512vnni"), noinline)) void wide_dot_loop() {
  __m512i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m512i x = _mm512_set1_epi8(3);
  const __m512i w = _mm512_set1_epi8(5);
  NARROW_PEAK_LOOP(_mm512_dpbusd_epi32)
}

__attribute__((target("avx512f,avx512vnni"), noinline)) void wide_words_loop() {
  __m512i a0{}, a1{}, a2{}, a3{}, a4{}, a5{}, a6{}, a7{}, a8{}, a9{}, a10{}, a11{};
  __m512i x = _mm512_set1_epi16(3);
  const __m512i w = _mm512_set1_epi16(5);
  NARROW_PEAK_LOOP(_mm512_dpwssd_epi32)
}

// Four registers of sums hide the latency of their multiplications. A step of one of the kAccumulators is the 32nd part
// of a multiplication.
constexpr int kTileProducts = 16 * 16 * 64 / 32;
void tiles_loop() {
#ifdef NARROW_HAS_AMX
  alignas(64) std::uint8_t configuration[64] = {1};  // palette 1; 8 registers of 16 rows of 64 bytes
  for (int tile = 0; tile < 8; ++tile) {
    configuration[16 + 2 * tile] = 64;
    configuration[48 + tile] = 16;
  }
  __asm__ volatile("ldtilecfg (%0)" : : "r"(configuration) : "memory");
  for (int i = 0; i < kSteps / 32 * (kAccumulators / 4); ++i) {
    __asm__ volatile(
        "tdpbusd %tmm6, %tmm4, %tmm0\n\ttdpbusd %tmm7, %tmm4, %tmm1\n\t"
        "tdpbusd %tmm6, %tmm5, %tmm2\n\ttdpbusd %tmm7, %tmm5, %tmm3");
  }
  __asm__ volatile("tilerelease" : : : "memory");
#endif
}
#else
// Never called: no other CPU has the features that these need.
void words_loop() {}
void bytes_loop() {}
void pairs_loop() {}
void sums16_loop() {}
void pair_tables_loop() {}
void dot_loop() {}
void wide_dot_loop() {}
void wide_words_loop() {}
constexpr int kTileProducts = 1;
void tiles_loop() {}
#endif

struct Mix {
  const char* name;
  Isa isa;
  int products;  // of one step of one accumulator
  void (*loop)();
};

const Mix& describe(InstructionMix mix) {
  static constexpr Mix kWords{"vpmaddwd+vpaddd", Isa::kAvx2, 16, words_loop};
  static constexpr Mix kBytes{"vpmaddubsw+vpmaddwd+vpaddd", Isa::kAvx2, 32, bytes_loop};
  static constexpr Mix kSums16{"vpmaddubsw+vpaddw", Isa::kAvx2, 32, sums16_loop};
  static constexpr Mix kPairs{"2 vpmaddubsw+vpaddw+vpmaddwd+vpaddd", Isa::kAvx2, 64, pairs_loop};
  static constexpr Mix kPairTables{"vpshufb+vpaddb", Isa::kAvx2, 64, pair_tables_loop};
  static constexpr Mix kDot{"vpdpbusd ymm", Isa::kAvxVnni, 32, dot_loop};
  static constexpr Mix kWideDot{"vpdpbusd zmm", Isa::kAvx512Vnni, 64, wide_dot_loop};
  static constexpr Mix kWideWords{"vpdpwssd zmm", Isa::kAvx512Vnni, 32, wide_words_loop};
  static constexpr Mix kTiles{"tdpbusd", Isa::kAmx, kTileProducts, tiles_loop};
  switch (mix) {
    case InstructionMix::kWords:
      return kWords;
    case InstructionMix::kBytes:
      return kBytes;
    case InstructionMix::kSums16:
      return kSums16;
    case InstructionMix::kPairs:
      return kPairs;
    case InstructionMix::kPairTables:
      return kPairTables;
    case InstructionMix::kDot:
      return kDot;
    case InstructionMix::kWideDot:
      return kWideDot;
    case InstructionMix::kTiles:
      return kTiles;
    case InstructionMix::kWideWords:
    case InstructionMix::kNone:  // has none to measure
      break;
  }
  return kWideWords;
}

}  // namespace

std::string_view mix_name(InstructionMix mix) { return describe(mix).name; }

std::optional<InstructionMix> mix_of_kernel(std::string_view kernel) {
  for (const kernels::IsaTable* table : kernels::isa_tables()) {
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      const kernels::ConvolutionKernel& found = *table->convolutions[i];
      if (found.name == kernel && found.mix != InstructionMix::kNone) return found.mix;
    }
  }
  return std::nullopt;
}

std::vector<InstructionMix> available_mixes() {
  std::vector<InstructionMix> mixes;
  for (const InstructionMix mix : {InstructionMix::kWords, InstructionMix::kBytes, InstructionMix::kSums16,
                                   InstructionMix::kPairs, InstructionMix::kPairTables, InstructionMix::kDot,
                                   InstructionMix::kWideDot, InstructionMix::kWideWords, InstructionMix::kTiles}) {
    if (kernels::cpu_features().has(kernels::required_features(describe(mix).isa).bits)) mixes.push_back(mix);
  }
  return mixes;
}

double measure_peak(InstructionMix mix) {
  const Mix& measured = describe(mix);
  const double operations = 2.0 * kAccumulators * measured.products * kSteps;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double start = cpu_seconds();
    measured.loop();
    best = std::max(best, operations / std::max(cpu_seconds() - start, 1e-9));
  }
  return best;
}

}  // namespace narrow::measure
