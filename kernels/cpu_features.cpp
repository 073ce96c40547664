#include "kernels/cpu_features.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

namespace narrow::kernels {
namespace {

constexpr bool bit(std::uint32_t reg, int index) { return (reg >> index & 1U) != 0; }

#ifdef __x86_64__
class RealCpuid final : public CpuidSource {
 public:
  [[nodiscard]] CpuidRegisters cpuid(std::uint32_t leaf, std::uint32_t subleaf) const override {
    CpuidRegisters r;
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
  }
  // The intrinsic needs a compiler flag that would also allow the compiler to use XSAVE elsewhere.
  [[nodiscard]] std::uint64_t xcr0() const override {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return std::uint64_t{high} << 32 | low;
  }
};

// What Linux permits of the features of the real CPU. An instruction on tile registers ends a process that has not
// asked for permission (arch/x86/include/uapi/asm/prctl.h: ARCH_REQ_XCOMP_PERM). All threads have it afterwards, and
// signals then need larger stacks. A program without kernels for AMX does not ask.
CpuFeatures permitted(CpuFeatures features) {
#ifdef NARROW_HAS_AMX
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  if (features.has(CpuFeatures::kAmx) && ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return features;
#endif
  features.bits &= ~std::uint32_t{CpuFeatures::kAmx};
  return features;
}
#else
// A CPU without CPUID has no feature that kernels of x86 ask for.
class RealCpuid final : public CpuidSource {
 public:
  [[nodiscard]] CpuidRegisters cpuid(std::uint32_t, std::uint32_t) const override { return {}; }
  [[nodiscard]] std::uint64_t xcr0() const override { return 0; }
};

#ifndef __aarch64__
CpuFeatures permitted(CpuFeatures features) { return features; }
#endif
#endif

}  // namespace

CpuFeatures required_features(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return {CpuFeatures::kAvx2};
    // AVX2 is included, because its kernels serve where the ISA has none of its own.
    case Isa::kAvxVnni:
      return {CpuFeatures::kAvx2 | CpuFeatures::kAvxVnni};
    case Isa::kAvx512Vnni:
      return {CpuFeatures::kAvx2 | CpuFeatures::kAvx512Vnni};
    // AVX512-VNNI is included for the same reason.
    case Isa::kAmx:
      return {CpuFeatures::kAvx2 | CpuFeatures::kAvx512Vnni | CpuFeatures::kAmx};
    case Isa::kNeon:
      return {CpuFeatures::kNeon};
    case Isa::kNeonDot:
      return {CpuFeatures::kNeon | CpuFeatures::kNeonDot};
    case Isa::kScalar:
      break;
  }
  return {};
}

CpuFeatures detect(const CpuidSource& source) {
  // XCR0 holds the registers that the operating system saves.
  constexpr std::uint64_t kYmm = 0x06;                      // xmm, upper halves of ymm
  constexpr std::uint64_t kZmm = 0xe6;                      // and mask registers, upper halves of zmm, zmm16-31
  constexpr std::uint64_t kTiles = std::uint64_t{3} << 17;  // configuration and data of tile registers

  CpuFeatures features;
  const std::uint32_t max_leaf = source.cpuid(0, 0).eax;
  if (max_leaf < 1) return features;
  const CpuidRegisters leaf1 = source.cpuid(1, 0);
  const bool osxsave = bit(leaf1.ecx, 27);
  const bool avx = bit(leaf1.ecx, 28);
  if (!osxsave || !avx) return features;
  const std::uint64_t xcr0 = source.xcr0();
  if ((xcr0 & kYmm) != kYmm) return features;

  // For a leaf beyond the largest, a CPU returns the data of another leaf.
  if (max_leaf < 7) return features;
  const CpuidRegisters leaf7 = source.cpuid(7, 0);
  if (!bit(leaf7.ebx, 5)) return features;
  features.bits |= CpuFeatures::kAvx2;
  const std::uint32_t max_subleaf = leaf7.eax;
  if (max_subleaf >= 1 && bit(source.cpuid(7, 1).eax, 4)) features.bits |= CpuFeatures::kAvxVnni;

  // VNNI kernels use AVX512F, AVX512BW, AVX512DQ and AVX512VL besides VNNI itself.
  const bool avx512 = bit(leaf7.ebx, 16) && bit(leaf7.ebx, 17) && bit(leaf7.ebx, 30) && bit(leaf7.ebx, 31);
  if (avx512 && bit(leaf7.ecx, 11) && (xcr0 & kZmm) == kZmm) features.bits |= CpuFeatures::kAvx512Vnni;
  const bool tiles = bit(leaf7.edx, 24) && bit(leaf7.edx, 25);
  if (tiles && features.has(CpuFeatures::kAvx512Vnni) && (xcr0 & kTiles) == kTiles) features.bits |= CpuFeatures::kAmx;
  return features;
}

const CpuidSource& real_cpuid() {
  static const RealCpuid source;
  return source;
}

// The bits are those of Linux (asm/hwcap.h): HWCAP_ASIMD, HWCAP_ASIMDDP.
CpuFeatures detect_arm(std::uint64_t hwcap) {
  CpuFeatures features;
  if ((hwcap >> 1 & 1U) == 0) return features;
  features.bits |= CpuFeatures::kNeon;
  if ((hwcap >> 20 & 1U) != 0) features.bits |= CpuFeatures::kNeonDot;
  return features;
}

CpuFeatures cpu_features() {
#ifdef __aarch64__
  static const CpuFeatures features = detect_arm(::getauxval(AT_HWCAP));
#else
  static const CpuFeatures features = permitted(detect(real_cpuid()));
#endif
  return features;
}

int detect_carryless_bits(const CpuidSource& source) {
  if (source.cpuid(0, 0).eax < 1 || !bit(source.cpuid(1, 0).ecx, 1)) return 0;
  // AVX2 says that there is leaf 7.
  const CpuFeatures features = detect(source);
  if (!features.has(CpuFeatures::kAvx2) || !bit(source.cpuid(7, 0).ecx, 10)) return 128;
  return features.has(CpuFeatures::kAvx512Vnni) ? 512 : 256;
}

int carryless_bits() {
  static const int bits = detect_carryless_bits(real_cpuid());
  return bits;
}

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
    case Isa::kAmx:
      return "amx";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonDot:
      return "neondot";
    case Isa::kScalar:
      break;
  }
  return "scalar";
}

}  // namespace narrow::kernels
