// What this CPU can run, read through one seam that tests fake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/types.h"

namespace narrow::kernels {

// A set of instruction-set features. Selectors take it as an argument, so that tests can ask for any CPU.
struct CpuFeatures {
  std::uint32_t bits = 0;
  enum Bit : std::uint32_t { kAvx2 = 1U << 0, kAvxVnni = 1U << 1, kAvx512Vnni = 1U << 2 };

  [[nodiscard]] constexpr bool has(std::uint32_t all_of) const { return (bits & all_of) == all_of; }
};

// The features that kernels of `isa` need.
[[nodiscard]] CpuFeatures required_features(Isa isa);

struct CpuidRegisters {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
// The seam: CPUID and XCR0.
class CpuidSource {
 public:
  virtual ~CpuidSource() = default;
  [[nodiscard]] virtual CpuidRegisters cpuid(std::uint32_t leaf, std::uint32_t subleaf) const = 0;
  [[nodiscard]] virtual std::uint64_t xcr0() const = 0;  // only called where CPUID says that XGETBV exists
};

// Features that both the CPU has and the operating system saves (Intel SDM vol. 1, 14.3; AMD APM vol. 3, E).
[[nodiscard]] CpuFeatures detect(const CpuidSource& source);
// The same for the real CPU; computed once.
[[nodiscard]] CpuFeatures cpu_features();

// Products of 64 bits without carries, on SSE registers, which every operating system saves. Checksums use them; no
// kernel does, so they are not among the features that ISAs are compared by.
[[nodiscard]] bool detect_pclmul(const CpuidSource& source);
[[nodiscard]] bool cpu_has_pclmul();

[[nodiscard]] std::string_view isa_name(Isa isa);
// All ISAs that kernels were compiled for, slowest first. AVX512-VNNI is behind AVX-VNNI, which can't be compared with
// it: a CPU with both has registers of twice the size for it.
[[nodiscard]] std::vector<Isa> compiled_isas();

}  // namespace narrow::kernels
