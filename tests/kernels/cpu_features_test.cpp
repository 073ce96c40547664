// CPUs that we do not run on, through the seam: register values of real ones, reduced to the leaves that are read.
#include "kernels/cpu_features.h"

#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/costs.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

constexpr std::uint64_t kX87AndSse = 0x3;
constexpr std::uint64_t kYmm = 0x7;
constexpr std::uint64_t kZmm = 0xe7;

class FakeCpuid final : public CpuidSource {
 public:
  using Leaf = std::pair<std::uint32_t, std::uint32_t>;

  FakeCpuid(std::map<Leaf, CpuidRegisters> leaves, std::uint64_t xcr0) : leaves_(std::move(leaves)), xcr0_(xcr0) {}

  // As Intel CPUs do, a leaf beyond the largest answers with the data of the largest one; here it answers with every
  // feature there is, so that reading it can't go unnoticed. A subleaf beyond the largest is all zeros.
  [[nodiscard]] CpuidRegisters cpuid(std::uint32_t leaf, std::uint32_t subleaf) const override {
    const auto found = leaves_.find({leaf, subleaf});
    if (found != leaves_.end()) return found->second;
    if (leaf > leaves_.at({0, 0}).eax) return {~0U, ~0U, ~0U, ~0U};
    return {};
  }
  [[nodiscard]] std::uint64_t xcr0() const override {
    // XGETBV without OSXSAVE is an illegal instruction.
    if ((leaves_.at({1, 0}).ecx >> 27 & 1U) == 0) throw std::logic_error("XGETBV on a CPU that does not have it");
    return xcr0_;
  }

 private:
  std::map<Leaf, CpuidRegisters> leaves_;
  std::uint64_t xcr0_;
};

// Leaves: {0: largest leaf}, {1: family and ecx/edx}, {7.0}, {7.1}.
FakeCpuid haswell(std::uint64_t xcr0 = kYmm) {
  return {{{{0, 0}, {0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x000306c3, 0x00100800, 0x7ffafbff, 0xbfebfbff}},
           {{7, 0}, {0x00000000, 0x000027ab, 0x00000000, 0x00000000}}},
          xcr0};
}
FakeCpuid zen4(std::uint64_t xcr0 = kZmm) {
  return {{{{0, 0}, {0x00000010, 0x68747541, 0x444d4163, 0x69746e65}},
           {{1, 0}, {0x00a60f12, 0x00100800, 0x7ef8320b, 0x178bfbff}},
           {{7, 0}, {0x00000001, 0xf1bf97a9, 0x00405fce, 0x10000010}},
           {{7, 1}, {0x00000020, 0x00000000, 0x00000000, 0x00000000}}},
          xcr0};
}
FakeCpuid alder_lake() {
  return {{{{0, 0}, {0x00000020, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x00090672, 0x00800800, 0x7ffafbff, 0xbfebfbff}},
           {{7, 0}, {0x00000002, 0x239ca7eb, 0x98c007bc, 0xfc184410}},
           {{7, 1}, {0x00400810, 0x00000000, 0x00000000, 0x00000000}}},
          kYmm};
}
// Both VNNIs: Sapphire Rapids, Zen 5.
FakeCpuid sapphire_rapids(std::uint64_t xcr0 = kZmm) {
  return {{{{0, 0}, {0x00000020, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x000806f8, 0x00400800, 0x7ffefbff, 0xbfebfbff}},
           {{7, 0}, {0x00000001, 0xf3bfbfeb, 0xbb417ffe, 0xffdd4432}},
           {{7, 1}, {0x00001c30, 0x00000000, 0x00000000, 0x00000000}}},
          xcr0};
}
// Skylake-SP: AVX-512 with byte and word forms, but no VNNI yet.
FakeCpuid skylake_server() {
  return {{{{0, 0}, {0x00000016, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x00050654, 0x00400800, 0x7ffefbff, 0xbfebfbff}},
           {{7, 0}, {0x00000000, 0xd39ffffb, 0x00000008, 0xbc000400}}},
          kZmm};
}
// Sandy Bridge: AVX, but not AVX2.
FakeCpuid sandy_bridge() {
  return {{{{0, 0}, {0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x000206a7, 0x00100800, 0x1fbae3ff, 0xbfebfbff}},
           {{7, 0}, {0x00000000, 0x00000000, 0x00000000, 0x00000000}}},
          kYmm};
}
// Nehalem: SSE4.2; no XSAVE, so that XCR0 must not even be read. Largest leaf 11.
FakeCpuid nehalem() {
  return {{{{0, 0}, {0x0000000b, 0x756e6547, 0x6c65746e, 0x49656e69}},
           {{1, 0}, {0x000106a5, 0x00100800, 0x0098e3fd, 0xbfebfbff}}},
          0};
}

constexpr auto kAvx2 = CpuFeatures::kAvx2;
constexpr auto kAvxVnni = CpuFeatures::kAvxVnni;
constexpr auto kAvx512Vnni = CpuFeatures::kAvx512Vnni;
constexpr auto kAmx = CpuFeatures::kAmx;
constexpr std::uint64_t kTiles = 0x602e7;  // as Linux sets it on Sapphire Rapids

}  // namespace

TEST_CASE("features of real CPUs are recognised") {
  CHECK(detect(nehalem()).bits == 0);
  CHECK(detect(sandy_bridge()).bits == 0);
  CHECK(detect(haswell()).bits == kAvx2);
  CHECK(detect(skylake_server()).bits == kAvx2);
  CHECK(detect(zen4()).bits == (kAvx2 | kAvx512Vnni));
  CHECK(detect(alder_lake()).bits == (kAvx2 | kAvxVnni));
  CHECK(detect(sapphire_rapids()).bits == (kAvx2 | kAvxVnni | kAvx512Vnni));
}

TEST_CASE("kernels are chosen by the costs of the CPU's own core, or of one that is like it") {
  const auto amd = [](std::uint32_t version) {
    return FakeCpuid({{{0, 0}, {0x00000010, 0x68747541, 0x444d4163, 0x69746e65}}, {{1, 0}, {version, 0, 0, 0}}}, kZmm);
  };
  CHECK(detect_core(amd(0x00a00f11)) == Core::kZen3);   // 25/1, EPYC 7003
  CHECK(detect_core(amd(0x00a20f10)) == Core::kZen3);   // 25/33, Ryzen 5000
  CHECK(detect_core(amd(0x00a10f11)) == Core::kZen4);   // 25/17, EPYC 9004
  CHECK(detect_core(zen4()) == Core::kZen4);            // 25/97, Ryzen 7000
  CHECK(detect_core(amd(0x00b00f21)) == Core::kZen5);   // 26/2, EPYC 9005
  CHECK(detect_core(amd(0x00b40f40)) == Core::kZen5);   // 26/68, Ryzen 9000
  CHECK(detect_core(amd(0x00b20f40)) == Core::kZen4);   // 26/36, Ryzen AI 300: 512 bits in halves
  CHECK(detect_core(amd(0x00800f11)) == kDefaultCore);  // 23/1, Zen
  CHECK(detect_core(sapphire_rapids()) == Core::kZen5);
  CHECK(detect_core(skylake_server()) == Core::kZen5);
  CHECK(detect_core(alder_lake()) == kDefaultCore);
  CHECK(detect_core(haswell()) == kDefaultCore);
  CHECK(detect_core(nehalem()) == kDefaultCore);
  CHECK(detect_core(FakeCpuid({{{0, 0}, {0, 0x68747541, 0x444d4163, 0x69746e65}}}, 0)) == kDefaultCore);
}

TEST_CASE("each core has a name and a table of its own") {
  std::vector<const costs::Table*> tables;
  for (const Core core : known_cores()) {
    CHECK_FALSE(core_name(core).empty());
    for (const costs::Table* other : tables) CHECK(other != &costs_of(core));
    tables.push_back(&costs_of(core));
  }
  CHECK(tables.size() == 3);
}

TEST_CASE("registers that the operating system does not save are not used") {
  CHECK(detect(haswell(kX87AndSse)).bits == 0);
  CHECK(detect(zen4(kX87AndSse)).bits == 0);
  CHECK(detect(zen4(kYmm)).bits == kAvx2);
  CHECK(detect(sapphire_rapids(kYmm)).bits == (kAvx2 | kAvxVnni));
  CHECK(detect(zen4(0x67)).bits == kAvx2);  // zmm16-31 not saved
  CHECK(detect(zen4(0xe3)).bits == 0);      // ymm not saved, whatever the rest says
}

TEST_CASE("AMX needs tiles and their products and AVX512 VNNI and an operating system that saves tiles") {
  CHECK(detect(sapphire_rapids(kTiles)).bits == (kAvx2 | kAvxVnni | kAvx512Vnni | kAmx));
  CHECK(detect(sapphire_rapids(kTiles & ~(1ULL << 17))).bits == (kAvx2 | kAvxVnni | kAvx512Vnni));
  CHECK(detect(sapphire_rapids(kTiles & ~(1ULL << 18))).bits == (kAvx2 | kAvxVnni | kAvx512Vnni));
  CHECK(detect(sapphire_rapids(kTiles & ~0xe0ULL)).bits == (kAvx2 | kAvxVnni));  // without zmm
  CHECK_FALSE(detect(zen4(kTiles)).has(kAmx));
  const auto with = [](const CpuidRegisters& leaf7) {
    const FakeCpuid full = sapphire_rapids();
    return detect(FakeCpuid({{{0, 0}, full.cpuid(0, 0)}, {{1, 0}, full.cpuid(1, 0)}, {{7, 0}, leaf7}}, kTiles));
  };
  CpuidRegisters leaf7 = sapphire_rapids().cpuid(7, 0);
  CHECK(with(leaf7).has(kAmx));
  leaf7.edx &= ~(1U << 24);
  CHECK_FALSE(with(leaf7).has(kAmx));
  leaf7.edx |= 1U << 24;
  leaf7.edx &= ~(1U << 25);  // AMX for other types alone
  CHECK_FALSE(with(leaf7).has(kAmx));
  leaf7.edx |= 1U << 25;
  leaf7.ecx &= ~(1U << 11);  // no VNNI
  CHECK(with(leaf7).bits == kAvx2);
}

TEST_CASE("leaves and subleaves beyond the largest are not read") {
  // An AVX CPU (or a hypervisor) whose largest leaf is below 7; the fake shows every feature there.
  const CpuidRegisters leaf1{0x000206a7, 0x00100800, 0x1fbae3ff, 0xbfebfbff};
  CHECK(detect(FakeCpuid({{{0, 0}, {6, 0, 0, 0}}, {{1, 0}, leaf1}}, kYmm)).bits == 0);
  CHECK(detect(FakeCpuid({{{0, 0}, {0, 0, 0, 0}}, {{1, 0}, leaf1}}, kYmm)).bits == 0);
  // Leaf 7 says that its largest subleaf is 0.
  const FakeCpuid liar(
      {{{0, 0}, {7, 0, 0, 0}}, {{1, 0}, leaf1}, {{7, 0}, {0, 1U << 5, 0, 0}}, {{7, 1}, {1U << 4, 0, 0, 0}}}, kYmm);
  CHECK(detect(liar).bits == kAvx2);
}

TEST_CASE("AVX512 VNNI needs all of its companions") {
  for (const int missing : {16, 17, 30, 31}) {
    CpuidRegisters leaf7 = zen4().cpuid(7, 0);
    leaf7.ebx &= ~(1U << missing);
    const FakeCpuid crippled(
        {{{0, 0}, zen4().cpuid(0, 0)}, {{1, 0}, zen4().cpuid(1, 0)}, {{7, 0}, leaf7}, {{7, 1}, zen4().cpuid(7, 1)}},
        kZmm);
    CAPTURE(missing);
    CHECK(detect(crippled).bits == kAvx2);
  }
}

TEST_CASE("feature sets are compared by subset") {
  const CpuFeatures alder = detect(alder_lake());
  const CpuFeatures zen = detect(zen4());
  CHECK(alder.has(0));
  CHECK(alder.has(kAvx2 | kAvxVnni));
  CHECK_FALSE(alder.has(kAvxVnni | kAvx512Vnni));
  CHECK_FALSE(alder.has(zen.bits));
  CHECK_FALSE(zen.has(alder.bits));
  // Each of the VNNIs includes AVX2 and neither the other.
  const CpuFeatures avx = required_features(Isa::kAvxVnni);
  const CpuFeatures avx512 = required_features(Isa::kAvx512Vnni);
  CHECK(avx.has(required_features(Isa::kAvx2).bits));
  CHECK(avx512.has(required_features(Isa::kAvx2).bits));
  CHECK_FALSE(avx.has(avx512.bits));
  CHECK_FALSE(avx512.has(avx.bits));
  // AMX includes the wider one.
  const CpuFeatures amx = required_features(Isa::kAmx);
  CHECK(amx.has(avx512.bits));
  CHECK_FALSE(amx.has(avx.bits));
  CHECK_FALSE(avx512.has(amx.bits));
}

TEST_CASE("each ISA needs its features and has a name") {
  CHECK(required_features(Isa::kScalar).bits == 0);
  CHECK(required_features(Isa::kAvx2).bits == kAvx2);
  CHECK(required_features(Isa::kAvxVnni).bits == (kAvx2 | kAvxVnni));
  CHECK(required_features(Isa::kAvx512Vnni).bits == (kAvx2 | kAvx512Vnni));
  CHECK(required_features(Isa::kAmx).bits == (kAvx2 | kAvx512Vnni | kAmx));
  CHECK(isa_name(Isa::kScalar) == "scalar");
  CHECK(isa_name(Isa::kAvx2) == "avx2");
  CHECK(isa_name(Isa::kAvxVnni) == "avxvnni");
  CHECK(isa_name(Isa::kAvx512Vnni) == "avx512vnni");
  CHECK(isa_name(Isa::kAmx) == "amx");
  const std::vector<Isa> slowest_first = {Isa::kScalar, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kAmx};
  std::vector<Isa> compiled = compiled_isas();
  if (compiled.back() != Isa::kAmx) compiled.push_back(Isa::kAmx);  // where the compiler does not know it
  CHECK(compiled == slowest_first);
}

TEST_CASE("carry-less products of 128 bits are found without a look at what the operating system saves") {
  CHECK(detect_carryless_bits(nehalem()) == 0);
  CHECK(detect_carryless_bits(sandy_bridge()) == 128);
  CHECK(detect_carryless_bits(haswell()) == 128);
  CHECK(detect_carryless_bits(zen4(kX87AndSse)) == 128);
  CHECK(detect_carryless_bits(FakeCpuid({{{0, 0}, {0, 0, 0, 0}}, {{1, 0}, {~0U, ~0U, ~0U, ~0U}}}, kYmm)) == 0);
  // A CPU whose largest leaf is 1 shows every feature in leaf 7.
  CHECK(detect_carryless_bits(FakeCpuid({{{0, 0}, {1, 0, 0, 0}}, {{1, 0}, sandy_bridge().cpuid(1, 0)}}, kZmm)) == 128);
}

TEST_CASE("wider carry-less products need VPCLMULQDQ and registers that the operating system saves") {
  CHECK(detect_carryless_bits(skylake_server()) == 128);  // AVX-512 without them
  CHECK(detect_carryless_bits(alder_lake()) == 256);
  CHECK(detect_carryless_bits(zen4(kYmm)) == 256);
  CHECK(detect_carryless_bits(zen4(0x67)) == 256);  // zmm16-31 not saved
  CHECK(detect_carryless_bits(zen4()) == 512);
  CHECK(detect_carryless_bits(sapphire_rapids()) == 512);
  CpuidRegisters leaf7 = zen4().cpuid(7, 0);
  leaf7.ecx &= ~(1U << 10);
  const FakeCpuid without(
      {{{0, 0}, zen4().cpuid(0, 0)}, {{1, 0}, zen4().cpuid(1, 0)}, {{7, 0}, leaf7}, {{7, 1}, zen4().cpuid(7, 1)}},
      kZmm);
  CHECK(detect_carryless_bits(without) == 128);
}

TEST_CASE("the features of this CPU have AMX only where Linux permits it") {
  const CpuFeatures found = detect(real_cpuid());
  CHECK((cpu_features().bits & ~kAmx) == (found.bits & ~kAmx));
  CHECK((cpu_features().has(kAmx) ? found.has(kAmx) : true));
}

TEST_CASE("features of this CPU agree with the runtime of the compiler") {
  CHECK(cpu_features().has(kAvx2) == (__builtin_cpu_supports("avx2") != 0));
  CHECK(cpu_features().has(kAvx512Vnni) ==
        (__builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512bw") != 0));
}
