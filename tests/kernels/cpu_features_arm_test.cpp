// Features of 64-bit ARM CPUs, from the bits by which Linux tells of them.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "kernels/cpu_features.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;

// AT_HWCAP of real CPUs, as Linux prints it in /proc/cpuinfo.
constexpr std::uint64_t kCortexA53 = 0xff;          // fp asimd evtstrm aes pmull sha1 sha2 crc32
constexpr std::uint64_t kCortexA76 = 0x0000119fff;  // and atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp

TEST_CASE("arm: a CPU without vectors runs the scalar kernels alone") { CHECK(detect_arm(0).bits == 0); }

TEST_CASE("arm: dot products are used where the CPU has them") {
  CHECK(detect_arm(kCortexA53).bits == CpuFeatures::kNeon);
  CHECK(detect_arm(kCortexA76).bits == (CpuFeatures::kNeon | CpuFeatures::kNeonDot));
  CHECK(detect_arm(1U << 20).bits == 0);  // dot products without vectors
}

TEST_CASE("arm: dot products include NEON, and neither includes an instruction set of x86") {
  const CpuFeatures neon = required_features(Isa::kNeon);
  const CpuFeatures dot = required_features(Isa::kNeonDot);
  CHECK(dot.has(neon.bits));
  CHECK_FALSE(neon.has(dot.bits));
  CHECK_FALSE(dot.has(required_features(Isa::kAvx2).bits));
  CHECK_FALSE(required_features(Isa::kAvx512Vnni).has(neon.bits));
  CHECK(isa_name(Isa::kNeon) == "neon");
  CHECK(isa_name(Isa::kNeonDot) == "neondot");
}

#ifdef __aarch64__
TEST_CASE("arm: kernels for NEON and for dot products are compiled, and every CPU runs those for NEON") {
  CHECK(compiled_isas() == std::vector<Isa>{Isa::kScalar, Isa::kNeon, Isa::kNeonDot});
  CHECK(cpu_features().has(required_features(Isa::kNeon).bits));
}
#endif

}  // namespace
