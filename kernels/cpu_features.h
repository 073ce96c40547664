// The features of this CPU. They are read through an interface that tests replace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/types.h"

namespace narrow::kernels {

// A set of instruction-set features. Selection takes it as an argument, so that tests can select for any CPU.
struct CpuFeatures {
  std::uint32_t bits = 0;
  enum Bit : std::uint32_t {
    kAvx2 = 1U << 0,
    kAvxVnni = 1U << 1,
    kAvx512Vnni = 1U << 2,
    kNeon = 1U << 3,
    kNeonDot = 1U << 4,
    kAmx = 1U << 5,  // tile registers and products of their bytes: AMX-TILE and AMX-INT8
  };

  [[nodiscard]] constexpr bool has(std::uint32_t all_of) const { return (bits & all_of) == all_of; }
};

// The features that kernels of `isa` need.
[[nodiscard]] CpuFeatures required_features(Isa isa);

struct CpuidRegisters {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
// The interface to CPUID and XCR0.
class CpuidSource {
 public:
  virtual ~CpuidSource() = default;
  [[nodiscard]] virtual CpuidRegisters cpuid(std::uint32_t leaf, std::uint32_t subleaf) const = 0;
  [[nodiscard]] virtual std::uint64_t xcr0() const = 0;  // called only if CPUID reports XGETBV
};

// The CPU that this process runs on.
[[nodiscard]] const CpuidSource& real_cpuid();

// The features that the CPU has and whose registers the operating system saves (Intel SDM vol. 1, 14.3; AMD APM vol. 3,
// E).
[[nodiscard]] CpuFeatures detect(const CpuidSource& source);
// The features of a 64-bit ARM CPU, of which Linux tells in the auxiliary vector. hwcap: its AT_HWCAP.
[[nodiscard]] CpuFeatures detect_arm(std::uint64_t hwcap);
// The features of the real CPU, computed once. Of AMX, Linux has to be asked: it saves the tile registers only of a
// process that has asked for it. Where it refuses, the CPU counts as one without AMX.
[[nodiscard]] CpuFeatures cpu_features();

// The width of the registers in which the CPU makes carry-less products of 64 bits: 0 (it makes none), 128 (PCLMULQDQ),
// 256 or 512 (VPCLMULQDQ). Every operating system saves those of 128 bits. Checksums use these products. No kernel
// does, so they are not among the features of ISAs. 512 takes AVX512-VNNI too, which all CPUs with such products have.
[[nodiscard]] int detect_carryless_bits(const CpuidSource& source);
[[nodiscard]] int carryless_bits();

[[nodiscard]] std::string_view isa_name(Isa isa);
// All ISAs with compiled kernels, slowest first. AVX512-VNNI and AVX-VNNI are not comparable. AVX512-VNNI comes later,
// because its registers are twice as large on a CPU that has both. AMX includes AVX512-VNNI.
[[nodiscard]] std::vector<Isa> compiled_isas();

}  // namespace narrow::kernels
